package identity

// A DemoAccount is one of a demonstration, whose password is no secret.
type DemoAccount struct{ Email, Password string }

// DemoAccounts are shown on the sign-in page of a demonstration, and made by
// nothing else than one.
var DemoAccounts = []DemoAccount{
	{"admin@kissaria.example", "demo-admin-2026"},
	{"treasurer@kissaria.example", "demo-treasurer-2026"},
}
