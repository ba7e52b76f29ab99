// What every Go client does the same: hear which scenario to play, and tell what came of it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"
	goopenai "github.com/sashabaranov/go-openai"
	"google.golang.org/genai"
)

const (
	image    = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
	question = "How is the weather?"
	report   = "12 degrees"
	brief    = "Be brief."
	patience = 20 * time.Second
)

var place = map[string]any{"city": map[string]any{"type": "string"}}

var city = map[string]any{
	"type": "object", "properties": place, "required": []string{"city"}, "additionalProperties": false,
}

type Asked struct{ Scenario, Url, Key, Model string }

type Heard map[string]any

type Scenario func(context.Context, Asked) (Heard, error)

// Play scenarios by their name until nobody asks any more.
func serve(scenarios map[string]Scenario) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var asked Asked
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		told, err := json.Marshal(play(scenarios[asked.Scenario], asked))
		if err != nil {
			panic(err)
		}
		fmt.Printf("@%s\n", told)
	}
}

func play(scenario Scenario, asked Asked) Heard {
	if scenario == nil {
		return Heard{"cannot": true}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	heard, err := scenario(ctx, asked)
	if err != nil {
		return Heard{"error": Heard{"name": nameOf(err), "status": statusOf(err), "message": err.Error()}}
	}
	return heard
}

func nameOf(err error) string { return fmt.Sprintf("%T", err) }

// The status of HTTP behind an error, however the client names it.
func statusOf(err error) any {
	var ofOpenAI *openai.Error
	var ofAnthropic *anthropic.Error
	var ofGoogle genai.APIError
	var ofGoOpenai *goopenai.APIError
	switch {
	case errors.As(err, &ofOpenAI):
		return ofOpenAI.StatusCode
	case errors.As(err, &ofAnthropic):
		return ofAnthropic.StatusCode
	case errors.As(err, &ofGoogle):
		return ofGoogle.Code
	case errors.As(err, &ofGoOpenai):
		return ofGoOpenai.HTTPStatusCode
	}
	return nil
}

// All pieces, or those until something was raised.
func collect(pieces iter.Seq2[string, error]) ([]string, error) {
	found := []string{}
	for piece, err := range pieces {
		if err != nil {
			return found, err
		}
		if piece != "" {
			found = append(found, piece)
		}
	}
	return found, nil
}

// A stream that breaks off: what came, and what was raised.
func heardUntilCut(pieces iter.Seq2[string, error]) (Heard, error) {
	found, err := collect(pieces)
	text := ""
	for _, piece := range found {
		text += piece
	}
	if err == nil {
		return Heard{"text": text, "raised": nil}, nil
	}
	return Heard{"text": text, "raised": nameOf(err)}, nil
}

// The first piece, after which nobody listens any more.
func firstOf(pieces iter.Seq2[string, error]) (Heard, error) {
	for piece, err := range pieces {
		if err != nil {
			return nil, err
		}
		if piece != "" {
			return Heard{"text": piece}, nil
		}
	}
	return Heard{"text": nil}, nil
}

// A call as it is compared: its name and its arguments.
func call(name, arguments string) []any { return []any{name, json.RawMessage(arguments)} }
