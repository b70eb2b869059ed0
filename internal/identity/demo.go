package identity

// A DemoAccount is one of a demonstration, whose password is no secret.
type DemoAccount struct {
	Name     string // to sign in with: an e-mail address, or a phone's number
	Password string
	Whose    string // message key: what its owner is to the union
}

// DemoAccounts are shown on the sign-in page of a demonstration, and made by
// nothing else than one.
var DemoAccounts = []DemoAccount{
	{"admin@kissaria.example", "demo-admin-2026", "sign_in.demo.admin"},
	{"treasurer@kissaria.example", "demo-treasurer-2026", "sign_in.demo.treasurer"},
	{"+212600000103", "demo-committee-2026", "sign_in.demo.committee"},
	{"+212600000101", "demo-artisan-2026", "sign_in.demo.artisan"},
}
