package main

import (
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
)

func orderID(id int64) order.ID { return order.ID(id) }

// pointStripeAtNothing makes the provider one that never answers.
func pointStripeAtNothing(m *market) error {
	m.desk.Provider = payment.NewStripe(payment.StripeConfig{
		SecretKey: "sk_test_nobody", WebhookSecret: "whsec_nobody", URL: "http://127.0.0.1:1", Timeout: 1e9, Log: m.log})
	return nil
}
