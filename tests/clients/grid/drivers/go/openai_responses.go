// The OpenAI library for Go: Responses.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

var openaiResponses = map[string]Scenario{
	"whole": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := respond(ctx, asked, responses.ResponseNewParams{})
		if err != nil {
			return nil, err
		}
		tokens := []int64{answer.Usage.InputTokens, answer.Usage.OutputTokens}
		return Heard{"text": answer.OutputText(), "tokens": tokens}, nil
	},

	"streamed": func(ctx context.Context, asked Asked) (Heard, error) {
		var last responses.ResponseStreamEventUnion
		pieces, err := collect(responsePieces(ctx, asked, responses.ResponseNewParams{}, &last))
		usage := last.Response.Usage
		return Heard{"pieces": pieces, "tokens": []int64{usage.InputTokens, usage.OutputTokens}}, err
	},

	"tools": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := respond(ctx, asked, responses.ResponseNewParams{Tools: responseTools})
		if err != nil {
			return nil, err
		}
		return Heard{"calls": responseCalls(answer)}, nil
	},

	"parallel": func(ctx context.Context, asked Asked) (Heard, error) {
		var last responses.ResponseStreamEventUnion
		params := responses.ResponseNewParams{Tools: responseTools}
		if _, err := collect(responsePieces(ctx, asked, params, &last)); err != nil {
			return nil, err
		}
		return Heard{"calls": responseCalls(&last.Response)}, nil
	},

	"result": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := respond(ctx, asked, responses.ResponseNewParams{Tools: responseTools})
		if err != nil {
			return nil, err
		}
		told := responses.ResponseInputItemParamOfFunctionCallOutput(report)
		for _, item := range answer.Output {
			if item.Type == "function_call" {
				told.OfFunctionCallOutput.CallID = openai.String(item.CallID)
			}
		}
		history := append(append(responseInput(), saidBefore(answer)...), told)
		again, err := respond(ctx, asked, responses.ResponseNewParams{
			Tools: responseTools, Input: items(history),
		})
		if err != nil {
			return nil, err
		}
		return Heard{"text": again.OutputText()}, nil
	},

	"structured": func(ctx context.Context, asked Asked) (Heard, error) {
		form := responses.ResponseFormatTextJSONSchemaConfigParam{
			Name: "place", Schema: city, Strict: openai.Bool(true),
		}
		answer, err := respond(ctx, asked, responses.ResponseNewParams{
			Text: responses.ResponseTextConfigParam{
				Format: responses.ResponseFormatTextConfigUnionParam{OfJSONSchema: &form},
			},
		})
		if err != nil {
			return nil, err
		}
		return Heard{"value": json.RawMessage(answer.OutputText())}, nil
	},

	"image": func(ctx context.Context, asked Asked) (Heard, error) {
		shown := responses.ResponseInputContentParamOfInputImage(responses.ResponseInputImageDetailAuto)
		shown.OfInputImage.ImageURL = openai.String("data:image/png;base64," + image)
		content := responses.ResponseInputMessageContentListParam{
			responses.ResponseInputContentParamOfInputText("What is this?"), shown,
		}
		asking := responses.ResponseInputItemParamOfMessage(content, responses.EasyInputMessageRoleUser)
		answer, err := respond(ctx, asked, responses.ResponseNewParams{
			Input: items(responses.ResponseInputParam{asking}),
		})
		if err != nil {
			return nil, err
		}
		return Heard{"text": answer.OutputText()}, nil
	},

	"reasoning": func(ctx context.Context, asked Asked) (Heard, error) {
		params := responses.ResponseNewParams{
			Reasoning: shared.ReasoningParam{
				Effort: shared.ReasoningEffortMedium, Summary: shared.ReasoningSummaryAuto,
			},
			Include: []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent},
		}
		answer, err := respond(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		thought := ""
		for _, item := range answer.Output {
			for _, part := range item.Summary {
				thought += part.Text
			}
		}
		history := append(append(responseInput(), saidBefore(answer)...), responseInput()...)
		params.Input = items(history)
		again, err := respond(ctx, asked, params)
		if err != nil {
			return nil, err
		}
		return Heard{"thought": thought, "text": again.OutputText()}, nil
	},

	"refused": func(ctx context.Context, asked Asked) (Heard, error) {
		answer, err := respond(ctx, asked, responses.ResponseNewParams{})
		return Heard{"answer": answer}, err
	},

	"cut": func(ctx context.Context, asked Asked) (Heard, error) {
		return heardUntilCut(responsePieces(ctx, asked, responses.ResponseNewParams{}, nil))
	},

	"cancelled": func(ctx context.Context, asked Asked) (Heard, error) {
		return firstOf(responsePieces(ctx, asked, responses.ResponseNewParams{}, nil))
	},

	"models": openaiModels,
}

var responseTools = []responses.ToolUnionParam{responses.ToolParamOfFunction("weather", city, false)}

func responseInput() responses.ResponseInputParam {
	return responses.ResponseInputParam{
		responses.ResponseInputItemParamOfMessage(question, responses.EasyInputMessageRoleUser),
	}
}

func items(input responses.ResponseInputParam) responses.ResponseNewParamsInputUnion {
	return responses.ResponseNewParamsInputUnion{OfInputItemList: input}
}

// What an answer holds, as it came.
func saidBefore(answer *responses.Response) (found responses.ResponseInputParam) {
	for _, item := range answer.Output {
		said := json.RawMessage(item.RawJSON())
		found = append(found, param.Override[responses.ResponseInputItemUnionParam](said))
	}
	return found
}

func asking(asked Asked, params responses.ResponseNewParams) responses.ResponseNewParams {
	params.Model = asked.Model
	params.Instructions = openai.String(brief)
	params.Store = openai.Bool(false)
	if params.Input.OfInputItemList == nil {
		params.Input.OfString = openai.String(question)
	}
	return params
}

func respond(
	ctx context.Context, asked Asked, params responses.ResponseNewParams,
) (*responses.Response, error) {
	client := openaiClient(asked)
	return client.Responses.New(ctx, asking(asked, params))
}

// What is said, piece by piece. The event that comes last is kept in `last`.
func responsePieces(
	ctx context.Context, asked Asked, params responses.ResponseNewParams,
	last *responses.ResponseStreamEventUnion,
) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		client := openaiClient(asked)
		stream := client.Responses.NewStreaming(ctx, asking(asked, params))
		defer stream.Close()
		for stream.Next() {
			event := stream.Current()
			if last != nil {
				*last = event
			}
			switch event.Type {
			case "response.output_text.delta":
				if !yield(event.Delta, nil) {
					return
				}
			case "response.failed":
				yield("", fmt.Errorf("%s", event.Response.Error.Message))
				return
			}
		}
		if stream.Err() != nil {
			yield("", stream.Err())
		}
	}
}

func responseCalls(answer *responses.Response) (found [][]any) {
	for _, item := range answer.Output {
		if item.Type == "function_call" {
			found = append(found, call(item.Name, item.Arguments.OfString))
		}
	}
	return found
}
