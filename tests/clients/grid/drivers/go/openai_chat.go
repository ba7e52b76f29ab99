// The OpenAI library for Go: chat completions.
package main

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

var openaiChat = map[string]Scenario{
	"whole": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := chat(ctx, asked, openai.ChatCompletionNewParams{})
		if err != nil {
			return nil, err
		}
		tokens := []int64{answer.Usage.PromptTokens, answer.Usage.CompletionTokens}
		return Heard{"text": answer.Choices[0].Message.Content, "tokens": tokens}, nil
	},

	"streamed": func(ctx context.Context, asked Asked) (Heard, error) {
		whole := openai.ChatCompletionAccumulator{}
		usage := openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
		params := openai.ChatCompletionNewParams{StreamOptions: usage}
		pieces, err := collect(chatPieces(ctx, asked, params, &whole))
		tokens := []int64{whole.Usage.PromptTokens, whole.Usage.CompletionTokens}
		return Heard{"pieces": pieces, "tokens": tokens}, err
	},

	"tools": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := chat(ctx, asked, openai.ChatCompletionNewParams{Tools: chatTools})
		if err != nil {
			return nil, err
		}
		return Heard{"calls": chatCalls(answer.Choices[0].Message)}, nil
	},

	"parallel": func(ctx context.Context, asked Asked) (Heard, error) {
		whole := openai.ChatCompletionAccumulator{}
		params := openai.ChatCompletionNewParams{Tools: chatTools}
		if _, err := collect(chatPieces(ctx, asked, params, &whole)); err != nil {
			return nil, err
		}
		return Heard{"calls": chatCalls(whole.Choices[0].Message)}, nil
	},

	"result": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := chat(ctx, asked, openai.ChatCompletionNewParams{Tools: chatTools})
		if err != nil {
			return nil, err
		}
		said := answer.Choices[0].Message
		told := openai.ToolMessage(report, said.ToolCalls[0].ID)
		history := append(chatMessages(), said.ToParam(), told)
		again, err := chat(ctx, asked, openai.ChatCompletionNewParams{Tools: chatTools, Messages: history})
		if err != nil {
			return nil, err
		}
		return Heard{"text": again.Choices[0].Message.Content}, nil
	},

	"structured": func(ctx context.Context, asked Asked) (Heard, error) {
		schema := shared.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: "place", Schema: city, Strict: openai.Bool(true),
		}
		answer, err := chat(ctx, asked, openai.ChatCompletionNewParams{
			ResponseFormat: openai.ChatCompletionNewParamsResponseFormatUnion{
				OfJSONSchema: &shared.ResponseFormatJSONSchemaParam{JSONSchema: schema},
			},
		})
		if err != nil {
			return nil, err
		}
		return Heard{"value": json.RawMessage(answer.Choices[0].Message.Content)}, nil
	},

	"image": func(ctx context.Context, asked Asked) (Heard, error) {
		shown := openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + image}
		asking := openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart("What is this?"), openai.ImageContentPart(shown),
		})
		answer, err := chat(ctx, asked, openai.ChatCompletionNewParams{
			Messages: []openai.ChatCompletionMessageParamUnion{asking},
		})
		if err != nil {
			return nil, err
		}
		return Heard{"text": answer.Choices[0].Message.Content}, nil
	},

	"reasoning": func(ctx context.Context, asked Asked) (Heard, error) {
		params := openai.ChatCompletionNewParams{ReasoningEffort: shared.ReasoningEffortMedium}
		answer, err := chat(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		said := answer.Choices[0].Message
		var told struct {
			Thought string `json:"reasoning_content"`
		}
		if err := json.Unmarshal([]byte(said.RawJSON()), &told); err != nil {
			return nil, err
		}
		params.Messages = append(chatMessages(), said.ToParam(), openai.UserMessage(question))
		again, err := chat(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		return Heard{"thought": told.Thought, "text": again.Choices[0].Message.Content}, nil
	},

	"refused": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := chat(ctx, asked, openai.ChatCompletionNewParams{})
		return Heard{"answer": answer}, err
	},

	"cut": func(ctx context.Context, asked Asked) (Heard, error) {
		return heardUntilCut(chatPieces(ctx, asked, openai.ChatCompletionNewParams{}, nil))
	},

	"cancelled": func(ctx context.Context, asked Asked) (Heard, error) {
		return firstOf(chatPieces(ctx, asked, openai.ChatCompletionNewParams{}, nil))
	},

	"models": openaiModels,
}

var chatTools = []openai.ChatCompletionToolUnionParam{
	openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "weather", Parameters: city}),
}

func openaiClient(asked Asked) openai.Client {
	return openai.NewClient(
		option.WithBaseURL(asked.Url+"/v1"), option.WithAPIKey(asked.Key), option.WithMaxRetries(0),
	)
}

func chatMessages() []openai.ChatCompletionMessageParamUnion {
	return []openai.ChatCompletionMessageParamUnion{
		openai.SystemMessage(brief), openai.UserMessage(question),
	}
}

func filled(asked Asked, params openai.ChatCompletionNewParams) openai.ChatCompletionNewParams {
	params.Model = asked.Model
	if params.Messages == nil {
		params.Messages = chatMessages()
	}
	return params
}

func chat(
	ctx context.Context, asked Asked, params openai.ChatCompletionNewParams,
) (*openai.ChatCompletion, error) {
	client := openaiClient(asked)
	return client.Chat.Completions.New(ctx, filled(asked, params))
}

// What is said, piece by piece. Everything else is gathered in `whole`.
func chatPieces(
	ctx context.Context, asked Asked, params openai.ChatCompletionNewParams,
	whole *openai.ChatCompletionAccumulator,
) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		client := openaiClient(asked)
		stream := client.Chat.Completions.NewStreaming(ctx, filled(asked, params))
		defer stream.Close()
		for stream.Next() {
			chunk := stream.Current()
			if whole != nil {
				whole.AddChunk(chunk)
			}
			if len(chunk.Choices) > 0 && !yield(chunk.Choices[0].Delta.Content, nil) {
				return
			}
		}
		if stream.Err() != nil {
			yield("", stream.Err())
		}
	}
}

func chatCalls(message openai.ChatCompletionMessage) (found [][]any) {
	for _, made := range message.ToolCalls {
		found = append(found, call(made.Function.Name, made.Function.Arguments))
	}
	return found
}

func openaiModels(ctx context.Context, asked Asked) (Heard, error) {
	found := []string{}
	client := openaiClient(asked)
	models := client.Models.ListAutoPaging(ctx)
	for models.Next() {
		found = append(found, models.Current().ID)
	}
	return Heard{"models": found}, models.Err()
}
