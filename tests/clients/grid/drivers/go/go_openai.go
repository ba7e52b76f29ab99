// go-openai, the library for Go that is older than OpenAI's own: chat completions.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"

	goopenai "github.com/sashabaranov/go-openai"
)

var goOpenai = map[string]Scenario{
	"whole": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := goChat(ctx, asked, goopenai.ChatCompletionRequest{})
		if err != nil {
			return nil, err
		}
		tokens := []int{answer.Usage.PromptTokens, answer.Usage.CompletionTokens}
		return Heard{"text": answer.Choices[0].Message.Content, "tokens": tokens}, nil
	},

	"streamed": func(ctx context.Context, asked Asked) (Heard, error) {
		var usage goopenai.Usage
		params := goopenai.ChatCompletionRequest{
			StreamOptions: &goopenai.StreamOptions{IncludeUsage: true},
		}
		pieces, err := collect(goPieces(ctx, asked, params, func(chunk goChunk) {
			if chunk.Usage != nil {
				usage = *chunk.Usage
			}
		}))
		return Heard{"pieces": pieces, "tokens": []int{usage.PromptTokens, usage.CompletionTokens}}, err
	},

	"tools": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := goChat(ctx, asked, goopenai.ChatCompletionRequest{Tools: goTools})
		if err != nil {
			return nil, err
		}
		return Heard{"calls": goCalls(answer.Choices[0].Message.ToolCalls)}, nil
	},

	"parallel": func(ctx context.Context, asked Asked) (Heard, error) {
		var made []goopenai.ToolCall
		params := goopenai.ChatCompletionRequest{Tools: goTools}
		_, err := collect(goPieces(ctx, asked, params, func(chunk goChunk) {
			for _, choice := range chunk.Choices {
				for _, piece := range choice.Delta.ToolCalls {
					if *piece.Index == len(made) {
						made = append(made, goopenai.ToolCall{})
					}
					made[*piece.Index].Function.Name += piece.Function.Name
					made[*piece.Index].Function.Arguments += piece.Function.Arguments
				}
			}
		}))
		return Heard{"calls": goCalls(made)}, err
	},

	"result": func(ctx context.Context, asked Asked) (Heard, error) {
		params := goopenai.ChatCompletionRequest{Tools: goTools}
		answer, err := goChat(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		said := answer.Choices[0].Message
		told := goopenai.ChatCompletionMessage{
			Role: "tool", Content: report, ToolCallID: said.ToolCalls[0].ID,
		}
		params.Messages = append(goMessages(), said, told)
		return goText(goChat(ctx, asked, params))
	},

	"structured": func(ctx context.Context, asked Asked) (Heard, error) {
		schema, err := json.Marshal(city)
		if err != nil {
			return nil, err
		}
		form := goopenai.ChatCompletionResponseFormatJSONSchema{
			Name: "place", Schema: json.RawMessage(schema), Strict: true,
		}
		answer, err := goChat(ctx, asked, goopenai.ChatCompletionRequest{
			ResponseFormat: &goopenai.ChatCompletionResponseFormat{Type: "json_schema", JSONSchema: &form},
		})
		if err != nil {
			return nil, err
		}
		return Heard{"value": json.RawMessage(answer.Choices[0].Message.Content)}, nil
	},

	"image": func(ctx context.Context, asked Asked) (Heard, error) {
		shown := &goopenai.ChatMessageImageURL{URL: "data:image/png;base64," + image}
		parts := []goopenai.ChatMessagePart{
			{Type: "text", Text: "What is this?"}, {Type: "image_url", ImageURL: shown},
		}
		return goText(goChat(ctx, asked, goopenai.ChatCompletionRequest{
			Messages: []goopenai.ChatCompletionMessage{{Role: "user", MultiContent: parts}},
		}))
	},

	"reasoning": func(ctx context.Context, asked Asked) (Heard, error) {
		params := goopenai.ChatCompletionRequest{ReasoningEffort: "medium"}
		answer, err := goChat(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		said := answer.Choices[0].Message
		params.Messages = append(goMessages(), said, goMessages()[1])
		again, err := goChat(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		return Heard{"thought": said.ReasoningContent, "text": again.Choices[0].Message.Content}, nil
	},

	"refused": func(ctx context.Context, asked Asked) (Heard, error) {
		return goText(goChat(ctx, asked, goopenai.ChatCompletionRequest{}))
	},

	"cut": func(ctx context.Context, asked Asked) (Heard, error) {
		return heardUntilCut(goPieces(ctx, asked, goopenai.ChatCompletionRequest{}, nil))
	},

	"cancelled": func(ctx context.Context, asked Asked) (Heard, error) {
		return firstOf(goPieces(ctx, asked, goopenai.ChatCompletionRequest{}, nil))
	},

	"models": func(ctx context.Context, asked Asked) (Heard, error) {
		models, err := goClient(asked).ListModels(ctx)
		found := []string{}
		for _, model := range models.Models {
			found = append(found, model.ID)
		}
		return Heard{"models": found}, err
	},
}

type goChunk = goopenai.ChatCompletionStreamResponse

var goTools = []goopenai.Tool{
	{Type: "function", Function: &goopenai.FunctionDefinition{Name: "weather", Parameters: city}},
}

func goClient(asked Asked) *goopenai.Client {
	config := goopenai.DefaultConfig(asked.Key)
	config.BaseURL = asked.Url + "/v1"
	return goopenai.NewClientWithConfig(config)
}

func goMessages() []goopenai.ChatCompletionMessage {
	return []goopenai.ChatCompletionMessage{
		{Role: "system", Content: brief}, {Role: "user", Content: question},
	}
}

func goFilled(asked Asked, params goopenai.ChatCompletionRequest) goopenai.ChatCompletionRequest {
	params.Model = asked.Model
	if params.Messages == nil {
		params.Messages = goMessages()
	}
	return params
}

func goChat(
	ctx context.Context, asked Asked, params goopenai.ChatCompletionRequest,
) (goopenai.ChatCompletionResponse, error) {
	return goClient(asked).CreateChatCompletion(ctx, goFilled(asked, params))
}

func goText(answer goopenai.ChatCompletionResponse, err error) (Heard, error) {
	if err != nil {
		return nil, err
	}
	return Heard{"text": answer.Choices[0].Message.Content}, nil
}

// What is said, piece by piece. `watch` sees every chunk.
func goPieces(
	ctx context.Context, asked Asked, params goopenai.ChatCompletionRequest, watch func(goChunk),
) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		stream, err := goClient(asked).CreateChatCompletionStream(ctx, goFilled(asked, params))
		if err != nil {
			yield("", err)
			return
		}
		defer stream.Close()
		for {
			chunk, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield("", err)
				return
			}
			if watch != nil {
				watch(chunk)
			}
			if len(chunk.Choices) > 0 && !yield(chunk.Choices[0].Delta.Content, nil) {
				return
			}
		}
	}
}

func goCalls(made []goopenai.ToolCall) (found [][]any) {
	for _, one := range made {
		found = append(found, call(one.Function.Name, one.Function.Arguments))
	}
	return found
}
