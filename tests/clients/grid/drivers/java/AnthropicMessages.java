import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.JsonValue;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Base64ImageSource;
import com.anthropic.models.messages.ContentBlockParam;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.RawMessageStreamEvent;
import com.anthropic.models.messages.Tool;
import com.anthropic.models.messages.ToolResultBlockParam;
import com.anthropic.models.messages.ToolUseBlock;
import com.anthropic.models.models.ModelInfo;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The Anthropic library for Java: Messages. */
final class AnthropicMessages implements Scenarios {
    private static final Tool WEATHER = Tool.builder()
        .name("weather")
        .inputSchema(
            Tool.InputSchema.builder()
                .properties(
                    Tool.InputSchema.Properties.builder()
                        .putAdditionalProperty("city", JsonValue.from(Map.of("type", "string")))
                        .build()
                )
                .addRequired("city")
                .build()
        )
        .build();

    private final AnthropicClient client;
    private final String model;

    AnthropicMessages(Asked asked) {
        client = AnthropicOkHttpClient.builder()
            .baseUrl(asked.url())
            .apiKey(asked.key())
            .maxRetries(0)
            .timeout(Driver.PATIENCE)
            .build();
        model = asked.model();
    }

    @Override
    public Map<String, ?> whole() {
        var answer = answer(asking());
        return Map.of("text", textOf(answer), "tokens", tokensOf(answer));
    }

    @Override
    public Map<String, ?> streamed() {
        var whole = MessageAccumulator.create();
        var pieces = Driver.collect(pieces(asking(), whole));
        return Map.of("pieces", pieces, "tokens", tokensOf(whole.message()));
    }

    @Override
    public Map<String, ?> tools() {
        return Map.of("calls", callsOf(answer(asking().addTool(WEATHER))));
    }

    @Override
    public Map<String, ?> parallel() {
        var whole = MessageAccumulator.create();
        Driver.collect(pieces(asking().addTool(WEATHER), whole));
        return Map.of("calls", callsOf(whole.message()));
    }

    @Override
    public Map<String, ?> result() {
        var asking = asking().addTool(WEATHER);
        var said = answer(asking);
        var told = ToolResultBlockParam.builder()
            .toolUseId(toolsOf(said).get(0).id())
            .content(Driver.REPORT)
            .build();
        var next = List.of(ContentBlockParam.ofToolResult(told));
        var again = asking.addMessage(said).addUserMessageOfContentBlockParams(next);
        return Map.of("text", textOf(answer(again)));
    }

    @Override
    public Map<String, ?> structured() {
        var answer = client.messages().create(asking().outputConfig(Weather.class).build());
        return Map.of("value", answer.content().get(0).asText().text());
    }

    @Override
    public Map<String, ?> image() {
        var shown = Base64ImageSource.builder()
            .mediaType(Base64ImageSource.MediaType.IMAGE_PNG)
            .data(Driver.IMAGE)
            .build();
        var blocks = List.of(
            ContentBlockParam.ofImage(shown), ContentBlockParam.ofText("What is this?")
        );
        return Map.of("text", textOf(answer(asking().addUserMessageOfContentBlockParams(blocks))));
    }

    @Override
    public Map<String, ?> reasoning() {
        var asking = asking().enabledThinking(1024);
        var said = answer(asking);
        var again = answer(asking.addMessage(said).addUserMessage(Driver.QUESTION));
        return Map.of("thought", thoughtOf(said), "text", textOf(again));
    }

    @Override
    public Map<String, ?> models() {
        var listed = client.models().list().autoPager().stream();
        return Map.of("models", listed.map(ModelInfo::id).toList());
    }

    @Override
    public Stream<String> pieces() {
        return pieces(asking(), MessageAccumulator.create());
    }

    private MessageCreateParams.Builder asking() {
        return MessageCreateParams.builder()
            .model(model)
            .maxTokens(4096)
            .system(Driver.BRIEF)
            .addUserMessage(Driver.QUESTION);
    }

    private Message answer(MessageCreateParams.Builder asking) {
        return client.messages().create(asking.build());
    }

    /** What is said, piece by piece. Everything else is gathered in `whole`. */
    private Stream<String> pieces(MessageCreateParams.Builder asking, MessageAccumulator whole) {
        var answer = client.messages().createStreaming(asking.build());
        return answer.stream()
            .peek(whole::accumulate)
            .flatMap(AnthropicMessages::saidIn)
            .onClose(answer::close);
    }

    private static Stream<String> saidIn(RawMessageStreamEvent event) {
        return event.contentBlockDelta().stream()
            .flatMap(piece -> piece.delta().text().stream())
            .map(said -> said.text());
    }

    private static String textOf(Message answer) {
        return answer.content().stream()
            .flatMap(block -> block.text().stream())
            .map(said -> said.text())
            .collect(Collectors.joining());
    }

    private static String thoughtOf(Message answer) {
        return answer.content().stream()
            .flatMap(block -> block.thinking().stream())
            .map(thinking -> thinking.thinking())
            .collect(Collectors.joining());
    }

    private static List<Long> tokensOf(Message answer) {
        return List.of(answer.usage().inputTokens(), answer.usage().outputTokens());
    }

    private static List<ToolUseBlock> toolsOf(Message answer) {
        return answer.content().stream().flatMap(block -> block.toolUse().stream()).toList();
    }

    private static List<?> callsOf(Message answer) {
        return toolsOf(answer).stream()
            .map(made -> List.of(made.name(), made._input().convert(JsonNode.class)))
            .toList();
    }
}
