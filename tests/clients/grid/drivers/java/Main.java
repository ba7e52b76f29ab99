import java.io.IOException;
import java.util.Map;
import java.util.function.Function;

/** The official libraries for Java, and LangChain4j. The argument says which. */
final class Main {
    private static final Map<String, Function<Asked, Scenarios>> CLIENTS = Map.of(
        "openai_chat", OpenaiChat::new,
        "openai_responses", OpenaiResponses::new,
        "anthropic_messages", AnthropicMessages::new,
        "google_genai", GoogleGenai::new,
        "langchain_openai", LangchainModels::openai,
        "langchain_responses", LangchainModels::responses,
        "langchain_anthropic", LangchainModels::anthropic
    );

    public static void main(String[] arguments) throws IOException {
        Driver.serve(CLIENTS.get(arguments[0]));
    }
}
