package origin

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Accounts is the stand-in for the makers of agents, where people log in: it has one account, changes both of its
// tokens with each refresh, and takes no token that it changed before.
type Accounts struct {
	// JWT makes access tokens (and id tokens) that clients can read.
	JWT bool
	// Lifetime of an access token, as its answers say; 0: eight hours.
	Lifetime time.Duration
	// Answer takes the place of the answer to a refresh, if it is not nil.
	Answer func(w http.ResponseWriter, tokens map[string]any)

	mu                      sync.Mutex
	access, refresh, id     string
	used                    []string
	refreshes, wrong, calls int
}

// NewAccounts has tokens already.
func NewAccounts(jwt bool) *Accounts {
	a := &Accounts{JWT: jwt}
	a.change()
	return a
}

func randomText(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw)
	return strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(raw))
}

func (a *Accounts) lifetime() time.Duration {
	if a.Lifetime == 0 {
		return 8 * time.Hour
	}
	return a.Lifetime
}

func (a *Accounts) jwt() string {
	claims, _ := json.Marshal(map[string]any{"exp": time.Now().Add(a.lifetime()).Unix(), "iat": time.Now().Unix(),
		"email": "person@example.com", "jti": randomText(6),
		"https://api.openai.com/auth": map[string]any{"chatgpt_account_id": "account-1", "chatgpt_plan_type": "plus",
			"chatgpt_user_id": "user-1"}})
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`))
	return head + "." + base64.RawURLEncoding.EncodeToString(claims) + "." + randomText(256)
}

func (a *Accounts) change() {
	a.used = append(a.used, a.access, a.refresh, a.id)
	if a.JWT {
		a.access, a.id, a.refresh = a.jwt(), a.jwt(), "rt_"+randomText(66)
		return
	}
	a.access, a.refresh = "sk-ant-oat01-"+randomText(71), "sk-ant-ort01-"+randomText(71)
}

// Tokens are the ones that are good now: access, refresh, id.
func (a *Accounts) Tokens() (access, refresh, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.access, a.refresh, a.id
}

// Secrets are all tokens that ever were; of those that clients read, the signatures.
func (a *Accounts) Secrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, token := range append([]string{a.access, a.refresh, a.id}, a.used...) {
		if token != "" {
			out = append(out, token[strings.LastIndex(token, ".")+1:])
		}
	}
	return out
}

// Counts tell how many refreshes were done, how many requests had a wrong token, and how many a good one.
func (a *Accounts) Counts() (refreshes, wrong, calls int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refreshes, a.wrong, a.calls
}

// Expire makes the access token invalid before its time.
func (a *Accounts) Expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = append(a.used, a.access)
	if a.JWT {
		a.access = a.jwt()
	} else {
		a.access = "sk-ant-oat01-" + randomText(71)
	}
}

// Token is the endpoint for new tokens.
func (a *Accounts) Token(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var asked struct {
		Grant   string `json:"grant_type"`
		Refresh string `json:"refresh_token"`
	}
	err := json.Unmarshal(body, &asked)
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if err != nil || asked.Grant != "refresh_token" || asked.Refresh != a.refresh {
		a.wrong++
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"Refresh token not found or invalid"}`)
		return
	}
	a.change()
	a.refreshes++
	answer := map[string]any{"token_type": "Bearer", "access_token": a.access, "refresh_token": a.refresh,
		"expires_in": int(a.lifetime().Seconds()), "scope": "user:inference user:profile"}
	if a.JWT {
		answer["id_token"] = a.id
	}
	if a.Answer != nil {
		a.Answer(w, answer)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// Guarded lets requests with the access token pass.
func (a *Accounts) Guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		access, _, _ := a.Tokens()
		good := r.Header.Get("Authorization") == "Bearer "+access
		a.mu.Lock()
		if good {
			a.calls++
		} else {
			a.wrong++
		}
		a.mu.Unlock()
		if good {
			next(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"type":"error","error":{"type":"authentication_error","message":`+
			`"OAuth token has expired. Please obtain a new token or refresh your existing token."}}`)
	}
}

// Message answers as the Messages API does, in events if they are asked for.
func Message(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var asked struct {
		Stream bool   `json:"stream"`
		Model  string `json:"model"`
	}
	_ = json.Unmarshal(body, &asked)
	const said = "hello from the stand-in"
	usage := `"usage":{"input_tokens":1,"output_tokens":1}`
	if !asked.Stream {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"msg_1","type":"message","role":"assistant","model":%q,`+
			`"content":[{"type":"text","text":%q}],"stop_reason":"end_turn","stop_sequence":null,%s}`,
			asked.Model, said, usage)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(name, data string) { fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data) }
	event("message_start", fmt.Sprintf(`{"type":"message_start","message":{"id":"msg_1","type":"message",`+
		`"role":"assistant","model":%q,"content":[],"stop_reason":null,"stop_sequence":null,%s}}`, asked.Model, usage))
	event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
	event("content_block_delta", fmt.Sprintf(
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%q}}`, said))
	event("content_block_stop", `{"type":"content_block_stop","index":0}`)
	event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},`+
		`"usage":{"output_tokens":1}}`)
	event("message_stop", `{"type":"message_stop"}`)
}

// Reply answers as the Responses API does.
func Reply(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(name, data string) { fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data) }
	const item = `{"type":"message","role":"assistant","id":"m1","content":[{"type":"output_text",` +
		`"text":"hello from the stand-in"}]}`
	event("response.created", `{"type":"response.created","response":{"id":"r1"}}`)
	event("response.output_item.done", `{"type":"response.output_item.done","item":`+item+`}`)
	event("response.completed", `{"type":"response.completed","response":{"id":"r1","usage":{"input_tokens":1,`+
		`"input_tokens_details":null,"output_tokens":1,"output_tokens_details":null,"total_tokens":2}}}`)
}

// workspaces tells which account a person works in.
func workspaces(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"accounts":[{"id":"account-1","account_user_id":"user-1__account-1","name":null,`+
		`"structure":"personal","plan_type":"plus","is_default":true,"is_deactivated":false,"role":"owner",`+
		`"profile_picture_id":null,"profile_picture_url":null,"workspace_backend_origin":"https://chatgpt.com",`+
		`"account_routing_override":null}],"default_account_id":"account-1",`+
		`"account_ordering":["account-1"]}`)
}
