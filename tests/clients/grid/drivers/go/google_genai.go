// The Google Gen AI library for Go.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"iter"

	"google.golang.org/genai"
)

var googleGenai = map[string]Scenario{
	"whole": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := generate(ctx, asked, genai.Text(question), &genai.GenerateContentConfig{})
		if err != nil {
			return nil, err
		}
		return Heard{"text": answer.Text(), "tokens": tokensOf(answer)}, nil
	},

	"streamed": func(ctx context.Context, asked Asked) (Heard, error) {
		var last genai.GenerateContentResponse
		pieces, err := collect(generated(ctx, asked, &genai.GenerateContentConfig{}, &last))
		return Heard{"pieces": pieces, "tokens": tokensOf(&last)}, err
	},

	"tools": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := generate(ctx, asked, genai.Text(question), withTools())
		if err != nil {
			return nil, err
		}
		return Heard{"calls": functionCalls(answer)}, nil
	},

	"parallel": func(ctx context.Context, asked Asked) (Heard, error) {
		client, err := googleClient(ctx, asked)
		if err != nil {
			return nil, err
		}
		found := [][]any{}
		for chunk, err := range client.Models.GenerateContentStream(
			ctx, asked.Model, genai.Text(question), withTools(),
		) {
			if err != nil {
				return nil, err
			}
			found = append(found, functionCalls(chunk)...)
		}
		return Heard{"calls": found}, nil
	},

	"result": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := generate(ctx, asked, genai.Text(question), withTools())
		if err != nil {
			return nil, err
		}
		made := answer.FunctionCalls()[0]
		told := genai.NewPartFromFunctionResponse(made.Name, map[string]any{"output": report})
		told.FunctionResponse.ID = made.ID
		history := append(genai.Text(question), answer.Candidates[0].Content)
		history = append(history, genai.NewContentFromParts([]*genai.Part{told}, genai.RoleUser))
		again, err := generate(ctx, asked, history, withTools())
		if err != nil {
			return nil, err
		}
		return Heard{"text": again.Text()}, nil
	},

	"structured": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := generate(ctx, asked, genai.Text(question), &genai.GenerateContentConfig{
			ResponseMIMEType: "application/json", ResponseJsonSchema: city,
		})
		if err != nil {
			return nil, err
		}
		return Heard{"value": json.RawMessage(answer.Text())}, nil
	},

	"image": func(ctx context.Context, asked Asked) (Heard, error) {
		shown, err := base64.StdEncoding.DecodeString(image)
		if err != nil {
			return nil, err
		}
		parts := []*genai.Part{
			genai.NewPartFromBytes(shown, "image/png"), genai.NewPartFromText("What is this?"),
		}
		content := []*genai.Content{genai.NewContentFromParts(parts, genai.RoleUser)}
		answer, err := generate(ctx, asked, content, &genai.GenerateContentConfig{})
		if err != nil {
			return nil, err
		}
		return Heard{"text": answer.Text()}, nil
	},

	"reasoning": func(ctx context.Context, asked Asked) (Heard, error) {
		config := &genai.GenerateContentConfig{
			ThinkingConfig: &genai.ThinkingConfig{
				IncludeThoughts: true, ThinkingBudget: genai.Ptr[int32](1024),
			},
		}
		answer, err := generate(ctx, asked, genai.Text(question), config)
		if err != nil {
			return nil, err
		}
		thought := ""
		for _, part := range answer.Candidates[0].Content.Parts {
			if part.Thought {
				thought += part.Text
			}
		}
		history := append(genai.Text(question), answer.Candidates[0].Content)
		again, err := generate(ctx, asked, append(history, genai.Text(question)...), config)
		if err != nil {
			return nil, err
		}
		return Heard{"thought": thought, "text": again.Text()}, nil
	},

	"refused": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := generate(ctx, asked, genai.Text(question), &genai.GenerateContentConfig{})
		return Heard{"answer": answer}, err
	},

	"cut": func(ctx context.Context, asked Asked) (Heard, error) {
		return heardUntilCut(generated(ctx, asked, &genai.GenerateContentConfig{}, nil))
	},

	"cancelled": func(ctx context.Context, asked Asked) (Heard, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return firstOf(generated(ctx, asked, &genai.GenerateContentConfig{}, nil))
	},

	"models": func(ctx context.Context, asked Asked) (Heard, error) {
		client, err := googleClient(ctx, asked)
		if err != nil {
			return nil, err
		}
		found := []string{}
		for model, err := range client.Models.All(ctx) {
			if err != nil {
				return nil, err
			}
			found = append(found, model.Name)
		}
		return Heard{"models": found}, nil
	},
}

func googleClient(ctx context.Context, asked Asked) (*genai.Client, error) {
	return genai.NewClient(ctx, &genai.ClientConfig{
		APIKey: asked.Key, Backend: genai.BackendGeminiAPI,
		HTTPOptions: genai.HTTPOptions{BaseURL: asked.Url},
	})
}

func withTools() *genai.GenerateContentConfig {
	weather := &genai.FunctionDeclaration{Name: "weather", ParametersJsonSchema: city}
	return &genai.GenerateContentConfig{
		Tools: []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{weather}}},
	}
}

func generate(
	ctx context.Context, asked Asked, contents []*genai.Content, config *genai.GenerateContentConfig,
) (*genai.GenerateContentResponse, error) {
	client, err := googleClient(ctx, asked)
	if err != nil {
		return nil, err
	}
	config.SystemInstruction = genai.NewContentFromText(brief, genai.RoleUser)
	return client.Models.GenerateContent(ctx, asked.Model, contents, config)
}

// What is said, piece by piece. The chunk that comes last is kept in `last`.
func generated(
	ctx context.Context, asked Asked, config *genai.GenerateContentConfig,
	last *genai.GenerateContentResponse,
) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		client, err := googleClient(ctx, asked)
		if err != nil {
			yield("", err)
			return
		}
		for chunk, err := range client.Models.GenerateContentStream(
			ctx, asked.Model, genai.Text(question), config,
		) {
			if err != nil {
				yield("", err)
				return
			}
			if last != nil {
				*last = *chunk
			}
			if !yield(chunk.Text(), nil) {
				return
			}
		}
	}
}

func tokensOf(answer *genai.GenerateContentResponse) any {
	if answer.UsageMetadata == nil {
		return nil
	}
	return []int32{answer.UsageMetadata.PromptTokenCount, answer.UsageMetadata.CandidatesTokenCount}
}

func functionCalls(answer *genai.GenerateContentResponse) (found [][]any) {
	for _, made := range answer.FunctionCalls() {
		found = append(found, []any{made.Name, made.Args})
	}
	return found
}
