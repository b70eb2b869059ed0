// Package mail writes letters and sends them. A letter is written in the
// transaction of what it tells of, so that neither goes without the other, and
// sent by a job.
package mail

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/view"
)

// An Office writes and sends letters.
type Office struct {
	Pool      *pgxpool.Pool
	Jobs      *postgres.Jobs
	Views     view.Sets
	Transport Transport
	From      string // address of the union
}

// A Transport carries a letter to its reader.
type Transport interface {
	Send(ctx context.Context, l Letter) error
}

// A Letter is a mail, whole.
type Letter struct {
	ID       int64
	Key      string
	From, To string
	Language string
	Subject  string
	Text     string
	HTML     string
	QueuedAt time.Time
}

// A Draft is a letter to be written: mail/{Template}.html and .txt with Model.
// Key makes it one: written twice, it is sent once.
type Draft struct {
	Key      string
	To       string
	Language string
	Template string
	Subject  string
	Model    any
}

// Frame is what mail/frame, the paper of every letter, is given.
type Frame struct {
	Lang, Dir string
	Subject   string
	Market    string
	Content   template.HTML
	Notice    string
}

// Write writes a letter in tx and queues its sending.
func (o *Office) Write(ctx context.Context, tx pgx.Tx, d Draft, f Frame) error {
	l := lang.Or(d.Language)
	html, err := o.render(l, d, f)
	if err != nil {
		return err
	}
	var id int64
	err = tx.QueryRow(ctx, `
		INSERT INTO mails (key, recipient, language, subject, body_text, body_html)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (key) DO NOTHING
		RETURNING id`, d.Key, d.To, l.Code, d.Subject, PlainText(html), html).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mail: write %s: %w", d.Key, err)
	}
	if _, err := o.Jobs.InsertTx(ctx, tx, SendArgs{id}, nil); err != nil {
		return fmt.Errorf("mail: queue %s: %w", d.Key, err)
	}
	return nil
}

// render makes a letter's HTML.
func (o *Office) render(l *lang.Language, d Draft, f Frame) (string, error) {
	set := o.Views.In(l)
	body, err := set.Render("mail/"+d.Template, d.Model)
	if err != nil {
		return "", fmt.Errorf("mail: write %s: %w", d.Key, err)
	}
	f.Lang, f.Dir, f.Subject, f.Content = l.Code, l.Dir, d.Subject, template.HTML(body.String())
	html, err := set.Render("mail/frame", f)
	if err != nil {
		return "", fmt.Errorf("mail: write %s: %w", d.Key, err)
	}
	return html.String(), nil
}

// SendArgs is the job that sends a letter.
type SendArgs struct {
	Mail int64 `json:"mail"`
}

func (SendArgs) Kind() string { return "mail_send" }

// AddWorkers registers the office's job.
func (o *Office) AddWorkers(w *river.Workers) {
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, j *river.Job[SendArgs]) error { return o.Send(ctx, j.Args.Mail) }))
}

// Send sends a letter that has not been sent. A crash between sending and
// writing that down sends it once more, which is the lesser evil.
func (o *Office) Send(ctx context.Context, id int64) error {
	l, sent, err := o.read(ctx, id)
	if err != nil || sent {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := o.Transport.Send(ctx, l); err != nil {
		return fmt.Errorf("mail: send %d: %w", id, err)
	}
	if _, err := o.Pool.Exec(ctx, `UPDATE mails SET sent_at = now() WHERE id = $1`, id); err != nil {
		return fmt.Errorf("mail: mark %d sent: %w", id, err)
	}
	return nil
}

func (o *Office) read(ctx context.Context, id int64) (Letter, bool, error) {
	l := Letter{ID: id, From: o.From}
	var sent *time.Time
	err := o.Pool.QueryRow(ctx, `
		SELECT recipient, language, subject, body_text, body_html, queued_at, sent_at
		FROM mails
		WHERE id = $1`, id).Scan(&l.To, &l.Language, &l.Subject, &l.Text, &l.HTML, &l.QueuedAt, &sent)
	if err != nil {
		return Letter{}, false, fmt.Errorf("mail: read %d: %w", id, err)
	}
	return l, sent != nil, nil
}

// Latest returns the newest letters, for the demo's page that shows them.
func Latest(ctx context.Context, db postgres.DB, limit int) ([]Letter, error) {
	return letters(ctx, db, `true ORDER BY queued_at DESC, id DESC LIMIT $1`, limit)
}

// ErrNoLetter is returned for a letter that was not written.
var ErrNoLetter = fault.New(fault.NotFound, "error.not_found")

// ByKey returns the letter of a key, or ErrNoLetter.
func ByKey(ctx context.Context, db postgres.DB, key string) (Letter, error) {
	list, err := letters(ctx, db, `key = $1`, key)
	if err != nil {
		return Letter{}, err
	}
	if len(list) == 0 {
		return Letter{}, ErrNoLetter
	}
	return list[0], nil
}

func letters(ctx context.Context, db postgres.DB, where string, arg any) ([]Letter, error) {
	rows, err := db.Query(ctx, `
		SELECT id, key, recipient, language, subject, body_text, body_html, queued_at
		FROM mails
		WHERE `+where, arg)
	if err != nil {
		return nil, fmt.Errorf("mail: letters: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Letter, error) {
		var l Letter
		err := row.Scan(&l.ID, &l.Key, &l.To, &l.Language, &l.Subject, &l.Text, &l.HTML, &l.QueuedAt)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("mail: letters: %w", err)
	}
	return list, nil
}

// oneLine is what a subject may hold.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
