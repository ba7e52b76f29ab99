// The Anthropic library for Go: Messages.
package main

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

var anthropicMessages = map[string]Scenario{
	"whole": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := message(ctx, asked, anthropic.MessageNewParams{})
		if err != nil {
			return nil, err
		}
		tokens := []int64{answer.Usage.InputTokens, answer.Usage.OutputTokens}
		return Heard{"text": textOf(answer), "tokens": tokens}, nil
	},

	"streamed": func(ctx context.Context, asked Asked) (Heard, error) {
		whole := anthropic.Message{}
		pieces, err := collect(messagePieces(ctx, asked, anthropic.MessageNewParams{}, &whole))
		tokens := []int64{whole.Usage.InputTokens, whole.Usage.OutputTokens}
		return Heard{"pieces": pieces, "tokens": tokens}, err
	},

	"tools": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := message(ctx, asked, anthropic.MessageNewParams{Tools: messageTools})
		if err != nil {
			return nil, err
		}
		return Heard{"calls": messageCalls(answer)}, nil
	},

	"parallel": func(ctx context.Context, asked Asked) (Heard, error) {
		whole := anthropic.Message{}
		params := anthropic.MessageNewParams{Tools: messageTools}
		if _, err := collect(messagePieces(ctx, asked, params, &whole)); err != nil {
			return nil, err
		}
		return Heard{"calls": messageCalls(&whole)}, nil
	},

	"result": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := message(ctx, asked, anthropic.MessageNewParams{Tools: messageTools})
		if err != nil {
			return nil, err
		}
		id := ""
		for _, block := range answer.Content {
			if block.Type == "tool_use" {
				id = block.ID
			}
		}
		told := anthropic.NewUserMessage(anthropic.NewToolResultBlock(id, report, false))
		again, err := message(ctx, asked, anthropic.MessageNewParams{
			Tools: messageTools, Messages: append(userAsks(), answer.ToParam(), told),
		})
		if err != nil {
			return nil, err
		}
		return Heard{"text": textOf(again)}, nil
	},

	"structured": func(ctx context.Context, asked Asked) (Heard, error) {
		format := anthropic.JSONOutputFormatParam{Schema: city}
		answer, err := message(ctx, asked, anthropic.MessageNewParams{
			OutputConfig: anthropic.OutputConfigParam{Format: format},
		})
		if err != nil {
			return nil, err
		}
		return Heard{"value": json.RawMessage(textOf(answer))}, nil
	},

	"image": func(ctx context.Context, asked Asked) (Heard, error) {
		asking := anthropic.NewUserMessage(
			anthropic.NewImageBlockBase64("image/png", image), anthropic.NewTextBlock("What is this?"),
		)
		answer, err := message(ctx, asked, anthropic.MessageNewParams{
			Messages: []anthropic.MessageParam{asking},
		})
		if err != nil {
			return nil, err
		}
		return Heard{"text": textOf(answer)}, nil
	},

	"reasoning": func(ctx context.Context, asked Asked) (Heard, error) {
		params := anthropic.MessageNewParams{Thinking: anthropic.ThinkingConfigParamOfEnabled(1024)}
		answer, err := message(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		thought := ""
		for _, block := range answer.Content {
			thought += block.Thinking
		}
		params.Messages = append(append(userAsks(), answer.ToParam()), userAsks()...)
		again, err := message(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		return Heard{"thought": thought, "text": textOf(again)}, nil
	},

	"refused": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := message(ctx, asked, anthropic.MessageNewParams{})
		return Heard{"answer": answer}, err
	},

	"cut": func(ctx context.Context, asked Asked) (Heard, error) {
		return heardUntilCut(messagePieces(ctx, asked, anthropic.MessageNewParams{}, nil))
	},

	"cancelled": func(ctx context.Context, asked Asked) (Heard, error) {
		return firstOf(messagePieces(ctx, asked, anthropic.MessageNewParams{}, nil))
	},

	"models": func(ctx context.Context, asked Asked) (Heard, error) {
		found := []string{}
		client := anthropicClient(asked)
		models := client.Models.ListAutoPaging(ctx, anthropic.ModelListParams{})
		for models.Next() {
			found = append(found, models.Current().ID)
		}
		return Heard{"models": found}, models.Err()
	},
}

var messageTools = []anthropic.ToolUnionParam{
	anthropic.ToolUnionParamOfTool(
		anthropic.ToolInputSchemaParam{Properties: place, Required: []string{"city"}}, "weather",
	),
}

func anthropicClient(asked Asked) anthropic.Client {
	return anthropic.NewClient(
		option.WithBaseURL(asked.Url), option.WithAPIKey(asked.Key), option.WithMaxRetries(0),
	)
}

func userAsks() []anthropic.MessageParam {
	return []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))}
}

func limited(asked Asked, params anthropic.MessageNewParams) anthropic.MessageNewParams {
	params.Model = asked.Model
	params.MaxTokens = 4096
	params.System = []anthropic.TextBlockParam{{Text: brief}}
	if params.Messages == nil {
		params.Messages = userAsks()
	}
	return params
}

func message(
	ctx context.Context, asked Asked, params anthropic.MessageNewParams,
) (*anthropic.Message, error) {
	client := anthropicClient(asked)
	return client.Messages.New(ctx, limited(asked, params))
}

// What is said, piece by piece. Everything else is gathered in `whole`.
func messagePieces(
	ctx context.Context, asked Asked, params anthropic.MessageNewParams, whole *anthropic.Message,
) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		client := anthropicClient(asked)
		stream := client.Messages.NewStreaming(ctx, limited(asked, params))
		defer stream.Close()
		for stream.Next() {
			event := stream.Current()
			if whole != nil {
				if err := whole.Accumulate(event); err != nil {
					yield("", err)
					return
				}
			}
			if event.Type == "content_block_delta" && !yield(event.Delta.Text, nil) {
				return
			}
		}
		if stream.Err() != nil {
			yield("", stream.Err())
		}
	}
}

func textOf(answer *anthropic.Message) (text string) {
	for _, block := range answer.Content {
		if block.Type == "text" {
			text += block.Text
		}
	}
	return text
}

func messageCalls(answer *anthropic.Message) (found [][]any) {
	for _, block := range answer.Content {
		if block.Type == "tool_use" {
			found = append(found, call(block.Name, string(block.Input)))
		}
	}
	return found
}
