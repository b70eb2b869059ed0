package sandbox

import "strings"

// This file draws Stripe's objects as API version 2023-10-16 has them. What
// the sandbox has no use for is there as null, as it would be at Stripe.

// null returns nil, JSON's null, for an empty string.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// sessionObject draws p as a checkout.session.
func (p *purchase) sessionObject(x expansion) object {
	paid := "unpaid"
	if p.Status == Complete {
		paid = "paid"
	}
	o := object{
		"id":                        p.ID,
		"object":                    "checkout.session",
		"after_expiration":          nil,
		"allow_promotion_codes":     nil,
		"amount_subtotal":           p.Amount,
		"amount_total":              p.Amount,
		"automatic_tax":             object{"enabled": false, "liability": nil, "status": nil},
		"cancel_url":                null(p.CancelURL),
		"client_reference_id":       null(p.ClientReference),
		"client_secret":             nil,
		"consent":                   nil,
		"consent_collection":        nil,
		"created":                   p.Created,
		"currency":                  p.Currency,
		"currency_conversion":       nil,
		"custom_fields":             []object{},
		"customer":                  nil,
		"customer_creation":         "if_required",
		"customer_details":          nil,
		"customer_email":            null(p.Email),
		"expires_at":                p.ExpiresAt,
		"invoice":                   nil,
		"livemode":                  false,
		"locale":                    null(p.Locale),
		"metadata":                  p.Metadata,
		"mode":                      "payment",
		"payment_intent":            nil,
		"payment_link":              nil,
		"payment_method_collection": "if_required",
		"payment_method_options":    object{},
		"payment_method_types":      []string{"card"},
		"payment_status":            paid,
		"recovered_from":            nil,
		"setup_intent":              nil,
		"shipping_details":          nil,
		"status":                    p.Status,
		"submit_type":               nil,
		"subscription":              nil,
		"success_url":               p.SuccessURL,
		"total_details":             object{"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
		"ui_mode":                   "hosted",
		"url":                       nil,
	}
	if p.Email != "" {
		o["customer_details"] = object{
			"address": nil, "email": p.Email, "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": nil,
		}
	}
	if p.Intent != nil {
		o["payment_intent"] = p.Intent.ID
		if below, ok := x.into("payment_intent"); ok {
			o["payment_intent"] = p.intentObject(below)
		}
	}
	if _, ok := x.into("line_items"); ok {
		o["line_items"] = p.lineItems()
	}
	return o
}

func (p *purchase) lineItems() object {
	items := make([]object, 0, len(p.Lines))
	for _, line := range p.Lines {
		total := line.Unit * line.Quantity
		items = append(items, object{
			"object":          "item",
			"amount_discount": 0,
			"amount_subtotal": total,
			"amount_tax":      0,
			"amount_total":    total,
			"currency":        p.Currency,
			"description":     line.Title,
			"quantity":        line.Quantity,
		})
	}
	return object{
		"object": "list", "data": items, "has_more": false, "url": "/v1/checkout/sessions/" + p.ID + "/line_items",
	}
}

// intentObject draws the intent of p, which has one.
func (p *purchase) intentObject(x expansion) object {
	in := p.Intent
	o := object{
		"id":                          in.ID,
		"object":                      "payment_intent",
		"amount":                      p.Amount,
		"amount_capturable":           0,
		"amount_received":             0,
		"canceled_at":                 nil,
		"cancellation_reason":         nil,
		"capture_method":              "automatic",
		"client_secret":               in.ID + "_secret_sandbox",
		"confirmation_method":         "automatic",
		"created":                     in.Created,
		"currency":                    p.Currency,
		"customer":                    nil,
		"description":                 null(p.Description),
		"invoice":                     nil,
		"last_payment_error":          nil,
		"latest_charge":               nil,
		"livemode":                    false,
		"metadata":                    p.IntentMetadata,
		"next_action":                 nil,
		"payment_method":              nil,
		"payment_method_types":        []string{"card"},
		"receipt_email":               nil,
		"shipping":                    nil,
		"statement_descriptor":        nil,
		"statement_descriptor_suffix": null(p.StatementSuffix),
		"status":                      in.Status,
	}
	if in.Method != nil && in.Status != wantsMethod {
		o["payment_method"] = in.Method.ID
	}
	if in.Status == wantsAction {
		o["next_action"] = object{"type": "use_stripe_sdk", "use_stripe_sdk": object{}}
	}
	if in.Status == canceled {
		o["canceled_at"] = p.Finished
	}
	if f := in.Failure; f != (failure{}) {
		o["last_payment_error"] = object{
			"type": "card_error", "code": f.Code, "decline_code": null(f.Decline), "message": "Your card was declined.",
		}
	}
	if c := in.Charge; c != nil {
		o["amount_received"] = p.Amount
		o["latest_charge"] = c.ID
		if below, ok := x.into("latest_charge"); ok {
			o["latest_charge"] = p.chargeObject(below)
		}
	}
	return o
}

// chargeObject draws the charge of p, which has one.
func (p *purchase) chargeObject(x expansion) object {
	c, m := p.Intent.Charge, p.Intent.Method
	o := object{
		"id":                              c.ID,
		"object":                          "charge",
		"amount":                          p.Amount,
		"amount_captured":                 p.Amount,
		"amount_refunded":                 c.refunded(),
		"balance_transaction":             c.Transaction,
		"billing_details":                 object{"address": nil, "email": nil, "name": nil, "phone": nil},
		"calculated_statement_descriptor": strings.TrimSpace("SANDBOX* " + p.StatementSuffix),
		"captured":                        true,
		"created":                         c.Created,
		"currency":                        p.Currency,
		"customer":                        nil,
		"description":                     null(p.Description),
		"disputed":                        false,
		"failure_code":                    nil,
		"failure_message":                 nil,
		"livemode":                        false,
		"metadata":                        p.IntentMetadata,
		"outcome": object{
			"network_status": "approved_by_network", "reason": nil, "risk_level": "normal",
			"seller_message": "Payment complete.", "type": "authorized",
		},
		"paid":           true,
		"payment_intent": p.Intent.ID,
		"payment_method": m.ID,
		"payment_method_details": object{
			"type": "card", "card": object{"brand": m.Brand, "last4": m.Last4},
		},
		"receipt_email": nil,
		"receipt_url":   nil,
		"refunded":      c.refunded() == p.Amount,
		"status":        "succeeded",
	}
	if _, ok := x.into("balance_transaction"); ok {
		cost := fee(p.Amount)
		o["balance_transaction"] = p.transaction(c.Transaction, c.ID, "charge", c.Created, p.Amount, cost)
	}
	return o
}

// transaction draws a balance_transaction: what came in, or with a negative
// amount what went out, and what that cost.
func (p *purchase) transaction(id, source, kind string, created, amount, cost int64) object {
	details := []object{}
	if cost != 0 {
		details = append(details, object{
			"amount": cost, "application": nil, "currency": p.Currency,
			"description": "Stripe processing fees", "type": "stripe_fee",
		})
	}
	return object{
		"id":                 id,
		"object":             "balance_transaction",
		"amount":             amount,
		"available_on":       created,
		"created":            created,
		"currency":           p.Currency,
		"description":        null(p.Description),
		"exchange_rate":      nil,
		"fee":                cost,
		"fee_details":        details,
		"net":                amount - cost,
		"reporting_category": kind,
		"source":             source,
		"status":             "available",
		"type":               kind,
	}
}

// refundObject draws a refund of p.
func (p *purchase) refundObject(r *refund, x expansion) object {
	o := object{
		"id":                  r.ID,
		"object":              "refund",
		"amount":              r.Amount,
		"balance_transaction": r.Transaction,
		"charge":              p.Intent.Charge.ID,
		"created":             r.Created,
		"currency":            p.Currency,
		"metadata":            r.Metadata,
		"payment_intent":      p.Intent.ID,
		"reason":              null(r.Reason),
		"receipt_number":      nil,
		"status":              "succeeded",
	}
	if _, ok := x.into("balance_transaction"); ok {
		// Stripe keeps its fee on a refund, and asks none for it.
		o["balance_transaction"] = p.transaction(r.Transaction, r.ID, "refund", r.Created, -r.Amount, 0)
	}
	if below, ok := x.into("charge"); ok {
		o["charge"] = p.chargeObject(below)
	}
	if below, ok := x.into("payment_intent"); ok {
		o["payment_intent"] = p.intentObject(below)
	}
	return o
}
