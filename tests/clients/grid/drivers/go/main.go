// The official libraries for Go, and one that is older than they are. The argument says which.
package main

import (
	"os"
)

func main() {
	serve(map[string]map[string]Scenario{
		"openai_chat":        openaiChat,
		"openai_responses":   openaiResponses,
		"anthropic_messages": anthropicMessages,
		"google_genai":       googleGenai,
		"go_openai":          goOpenai,
	}[os.Args[1]])
}
