// The official libraries for Go. The argument says which.
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
	}[os.Args[1]])
}
