import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.anthropic.AnthropicChatModel;
import dev.langchain4j.model.anthropic.AnthropicModelCatalog;
import dev.langchain4j.model.anthropic.AnthropicStreamingChatModel;
import dev.langchain4j.model.catalog.ModelCatalog;
import dev.langchain4j.model.catalog.ModelDescription;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiModelCatalog;
import dev.langchain4j.model.openai.OpenAiResponsesChatModel;
import dev.langchain4j.model.openai.OpenAiResponsesStreamingChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** LangChain4j, with its models for OpenAI and for Anthropic. */
final class LangchainModels implements Scenarios {
    private static final JsonObjectSchema CITY = JsonObjectSchema.builder()
        .addStringProperty("city")
        .required("city")
        .additionalProperties(false)
        .build();
    private static final ToolSpecification WEATHER =
        ToolSpecification.builder().name("weather").parameters(CITY).build();
    private static final SystemMessage BRIEF = SystemMessage.from(Driver.BRIEF);
    private static final UserMessage QUESTION = UserMessage.from(Driver.QUESTION);

    private final ChatModel model;
    private final StreamingChatModel streaming;
    private final ModelCatalog catalog;

    private LangchainModels(ChatModel model, StreamingChatModel streaming, ModelCatalog catalog) {
        this.model = model;
        this.streaming = streaming;
        this.catalog = catalog;
    }

    static LangchainModels openai(Asked asked) {
        var base = asked.url() + "/v1";
        return new LangchainModels(
            OpenAiChatModel.builder()
                .baseUrl(base)
                .apiKey(asked.key())
                .modelName(asked.model())
                .reasoningEffort("medium")
                .returnThinking(true)
                .sendThinking(true)
                .maxRetries(0)
                .timeout(Driver.PATIENCE)
                .build(),
            OpenAiStreamingChatModel.builder()
                .baseUrl(base)
                .apiKey(asked.key())
                .modelName(asked.model())
                .timeout(Driver.PATIENCE)
                .build(),
            OpenAiModelCatalog.builder().baseUrl(base).apiKey(asked.key()).build()
        );
    }

    static LangchainModels responses(Asked asked) {
        var base = asked.url() + "/v1";
        return new LangchainModels(
            OpenAiResponsesChatModel.builder()
                .baseUrl(base)
                .apiKey(asked.key())
                .modelName(asked.model())
                .reasoningEffort("medium")
                .reasoningSummary("auto")
                .include(List.of("reasoning.encrypted_content"))
                .store(false)
                .build(),
            OpenAiResponsesStreamingChatModel.builder()
                .baseUrl(base)
                .apiKey(asked.key())
                .modelName(asked.model())
                .store(false)
                .build(),
            OpenAiModelCatalog.builder().baseUrl(base).apiKey(asked.key()).build()
        );
    }

    static LangchainModels anthropic(Asked asked) {
        var base = asked.url() + "/v1";
        return new LangchainModels(
            AnthropicChatModel.builder()
                .baseUrl(base)
                .apiKey(asked.key())
                .modelName(asked.model())
                .maxTokens(4096)
                .thinkingType("enabled")
                .thinkingBudgetTokens(1024)
                .returnThinking(true)
                .sendThinking(true)
                .maxRetries(0)
                .timeout(Driver.PATIENCE)
                .build(),
            AnthropicStreamingChatModel.builder()
                .baseUrl(base)
                .apiKey(asked.key())
                .modelName(asked.model())
                .maxTokens(4096)
                .timeout(Driver.PATIENCE)
                .build(),
            AnthropicModelCatalog.builder().baseUrl(base).apiKey(asked.key()).build()
        );
    }

    @Override
    public Map<String, ?> whole() {
        var answer = model.chat(asking().build());
        return Map.of("text", answer.aiMessage().text(), "tokens", tokensOf(answer));
    }

    @Override
    public Map<String, ?> streamed() {
        var answer = pushed(asking());
        var pieces = Driver.collect(answer.pieces());
        return Map.of("pieces", pieces, "tokens", tokensOf(answer.whole()));
    }

    @Override
    public Map<String, ?> tools() {
        return Map.of("calls", callsOf(model.chat(withTools().build())));
    }

    @Override
    public Map<String, ?> parallel() {
        return Map.of("calls", callsOf(pushed(withTools()).whole()));
    }

    @Override
    public Map<String, ?> result() {
        var said = model.chat(withTools().build()).aiMessage();
        var told = ToolExecutionResultMessage.from(
            said.toolExecutionRequests().get(0), Driver.REPORT
        );
        return Map.of("text", textAfter(withTools(), said, told));
    }

    @Override
    public Map<String, ?> structured() {
        var schema = JsonSchema.builder().name("place").rootElement(CITY).build();
        var format = ResponseFormat.builder().type(ResponseFormatType.JSON).jsonSchema(schema);
        var answer = model.chat(asking().responseFormat(format.build()).build());
        return Map.of("value", Driver.value(answer.aiMessage().text()));
    }

    @Override
    public Map<String, ?> image() {
        var shown = ImageContent.from(Driver.IMAGE, "image/png");
        var asked = UserMessage.from(TextContent.from("What is this?"), shown);
        return Map.of("text", model.chat(BRIEF, asked).aiMessage().text());
    }

    @Override
    public Map<String, ?> reasoning() {
        var said = model.chat(asking().build()).aiMessage();
        var text = textAfter(asking(), said, QUESTION);
        return Map.of("thought", said.thinking(), "text", text);
    }

    @Override
    public Map<String, ?> models() {
        var listed = catalog.listModels().stream();
        return Map.of("models", listed.map(ModelDescription::name).toList());
    }

    @Override
    public Stream<String> pieces() {
        return pushed(asking()).pieces();
    }

    private static ChatRequest.Builder asking() {
        return ChatRequest.builder().messages(BRIEF, QUESTION);
    }

    private static ChatRequest.Builder withTools() {
        return asking().toolSpecifications(WEATHER);
    }

    private PushedAnswer pushed(ChatRequest.Builder asking) {
        var answer = new PushedAnswer();
        streaming.chat(asking.build(), answer);
        return answer;
    }

    private String textAfter(ChatRequest.Builder asking, AiMessage said, ChatMessage next) {
        var again = asking.messages(BRIEF, QUESTION, said, next).build();
        return model.chat(again).aiMessage().text();
    }

    private static List<Integer> tokensOf(ChatResponse answer) {
        var usage = answer.tokenUsage();
        return List.of(usage.inputTokenCount(), usage.outputTokenCount());
    }

    private static List<?> callsOf(ChatResponse answer) {
        return answer.aiMessage().toolExecutionRequests().stream()
            .map(made -> Driver.call(made.name(), made.arguments()))
            .toList();
    }
}
