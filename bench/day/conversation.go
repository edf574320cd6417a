package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// conversation is the part of a request for a message that the stand-in reads.
type conversation struct {
	Stream   bool
	Tools    []any
	Messages []struct {
		Role    string
		Content json.RawMessage // a text, or a list of blocks
	}
}

type block struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	Content json.RawMessage `json:"content"` // of a tool's result: a text, or a list of blocks
}

func blocks(raw json.RawMessage) []block {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []block{{Type: "text", Text: text}}
	}
	var list []block
	_ = json.Unmarshal(raw, &list) // anything else has no blocks
	return list
}

// order is the line of a prompt that the model obeys; agents add texts of their own to a prompt.
func order(text string) string {
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "run: ") || line == "recall" {
			return line
		}
	}
	return ""
}

// reply is one block: a text, or a command to run.
type reply struct {
	text, command string
	number        int // of the message in its conversation
}

func (c conversation) reply() reply {
	out := reply{text: "the model has spoken", number: len(c.Messages)}
	if len(c.Tools) == 0 || len(c.Messages) == 0 { // a title for the conversation, a test of the key
		return out
	}
	var orders []string
	for _, message := range c.Messages {
		if message.Role != "user" {
			continue
		}
		for _, one := range blocks(message.Content) {
			if found := order(one.Text); one.Type == "text" && found != "" {
				orders = append(orders, found)
			}
		}
	}
	for _, one := range blocks(c.Messages[len(c.Messages)-1].Content) {
		if one.Type == "tool_result" {
			out.text = "the command said: " + lastLine(one.Content)
			return out
		}
	}
	switch {
	case len(orders) == 0:
	case orders[len(orders)-1] == "recall":
		out.text = fmt.Sprintf("message %d, of %d orders the first was %q", len(c.Messages), len(orders), orders[0])
	default:
		out.command = strings.TrimPrefix(orders[len(orders)-1], "run: ")
	}
	return out
}

func lastLine(result json.RawMessage) string {
	text := ""
	for _, one := range blocks(result) {
		text += one.Text
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func (r reply) reason() string {
	if r.command != "" {
		return "tool_use"
	}
	return "end_turn"
}

func (r reply) input() map[string]string {
	return map[string]string{"command": r.command, "description": "obey"}
}

func (r reply) block() map[string]any {
	if r.command == "" {
		return map[string]any{"type": "text", "text": r.text}
	}
	return map[string]any{"type": "tool_use", "id": fmt.Sprintf("toolu_%d", r.number), "name": "Bash",
		"input": r.input()}
}

func (r reply) message() map[string]any {
	return map[string]any{"id": fmt.Sprintf("msg_%d", r.number), "type": "message", "role": "assistant",
		"model": "claude-sonnet-4-5", "content": []any{}, "stop_reason": nil, "stop_sequence": nil,
		"usage": map[string]int{"input_tokens": 1, "output_tokens": 1}}
}

// events are the reply as a stream: its block begins empty, and a delta has its content.
func (r reply) events() []map[string]any {
	empty, delta := r.block(), map[string]any{"type": "text_delta", "text": r.text}
	if r.command == "" {
		empty["text"] = ""
	} else {
		empty["input"] = map[string]string{}
		text, _ := json.Marshal(r.input())
		delta = map[string]any{"type": "input_json_delta", "partial_json": string(text)}
	}
	return []map[string]any{
		{"type": "message_start", "message": r.message()},
		{"type": "content_block_start", "index": 0, "content_block": empty},
		{"type": "content_block_delta", "index": 0, "delta": delta},
		{"type": "content_block_stop", "index": 0},
		{"type": "message_delta", "delta": map[string]any{"stop_reason": r.reason(), "stop_sequence": nil},
			"usage": map[string]int{"output_tokens": 5}},
		{"type": "message_stop"},
	}
}
