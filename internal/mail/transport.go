package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// SMTP carries letters to a mail server.
type SMTP struct{ client *gomail.Client }

// NewSMTP makes a transport from an address such as
// smtp://user:password@host:587 (STARTTLS demanded) or smtps://…:465.
func NewSMTP(address string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("mail: SMTP_URL cannot be read")
	}
	options := []gomail.Option{gomail.WithTimeout(15 * time.Second), gomail.WithTLSConfig(&tls.Config{
		ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})}
	switch u.Scheme {
	case "smtp":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "smtps":
		options = append(options, gomail.WithSSL())
	default:
		return nil, fmt.Errorf("mail: SMTP_URL is neither smtp nor smtps but %q", u.Scheme)
	}
	if port := u.Port(); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, errors.New("mail: SMTP_URL has no port that can be read")
		}
		options = append(options, gomail.WithPort(n))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("mail: SMTP: %w", err)
	}
	return &SMTP{client}, nil
}

// Send hands a letter to the server.
func (s *SMTP) Send(ctx context.Context, l Letter) error {
	m, err := message(l)
	if err != nil {
		return err
	}
	if err := s.client.DialAndSendWithContext(ctx, m); err != nil {
		return fmt.Errorf("mail: hand over: %w", err)
	}
	return nil
}

func message(l Letter) (*gomail.Msg, error) {
	m := gomail.NewMsg()
	if err := m.From(l.From); err != nil {
		return nil, fmt.Errorf("mail: sender: %w", err)
	}
	if err := m.To(l.To); err != nil {
		return nil, fmt.Errorf("mail: reader: %w", err)
	}
	m.Subject(oneLine(l.Subject))
	m.SetGenHeader("Content-Language", l.Language)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetDateWithValue(l.QueuedAt)
	m.SetMessageID()
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	return m, nil
}

// Folder keeps letters as files, where no mail server is configured.
type Folder struct{ Dir string }

// Send writes a letter into the folder, as any mail program can open it.
func (f Folder) Send(_ context.Context, l Letter) error {
	m, err := message(l)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.Dir, 0o750); err != nil {
		return fmt.Errorf("mail: folder: %w", err)
	}
	path := filepath.Join(f.Dir, fmt.Sprintf("%06d.eml", l.ID))
	if err := m.WriteToFile(path); err != nil {
		return fmt.Errorf("mail: keep in folder: %w", err)
	}
	return nil
}
