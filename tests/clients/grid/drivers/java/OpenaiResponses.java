import com.openai.client.OpenAIClient;
import com.openai.core.JsonValue;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.Reasoning;
import com.openai.models.ReasoningEffort;
import com.openai.models.responses.EasyInputMessage;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseFunctionToolCall;
import com.openai.models.responses.ResponseIncludable;
import com.openai.models.responses.ResponseInputContent;
import com.openai.models.responses.ResponseInputImage;
import com.openai.models.responses.ResponseInputItem;
import com.openai.models.responses.ResponseInputText;
import com.openai.models.responses.ResponseStreamEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The OpenAI library for Java: Responses. */
final class OpenaiResponses implements Scenarios {
    private final OpenAIClient client;
    private final String model;

    OpenaiResponses(Asked asked) {
        client = OpenaiChat.clientOf(asked);
        model = asked.model();
    }

    @Override
    public Map<String, ?> whole() {
        var answer = answer(asking());
        return Map.of("text", textOf(answer), "tokens", tokensOf(answer));
    }

    @Override
    public Map<String, ?> streamed() {
        var whole = ResponseAccumulator.create();
        var pieces = Driver.collect(pieces(asking(), whole));
        return Map.of("pieces", pieces, "tokens", tokensOf(whole.response()));
    }

    @Override
    public Map<String, ?> tools() {
        return Map.of("calls", callsOf(answer(asking().addTool(Weather.class))));
    }

    @Override
    public Map<String, ?> parallel() {
        var whole = ResponseAccumulator.create();
        Driver.collect(pieces(asking().addTool(Weather.class), whole));
        return Map.of("calls", callsOf(whole.response()));
    }

    @Override
    public Map<String, ?> result() {
        var asking = asking().addTool(Weather.class);
        var answer = answer(asking);
        var told = ResponseInputItem.FunctionCallOutput.builder()
            .callId(functionsOf(answer).get(0).callId())
            .output(Driver.REPORT)
            .build();
        var next = ResponseInputItem.ofFunctionCallOutput(told);
        return Map.of("text", textOf(answer(asking.inputOfResponse(after(answer, next)))));
    }

    @Override
    public Map<String, ?> structured() {
        var answer = client.responses().create(asking().text(Weather.class).build());
        var value = answer.output().stream()
            .flatMap(item -> item.message().stream())
            .flatMap(message -> message.content().stream())
            .flatMap(content -> content.outputText().stream())
            .findFirst();
        return Map.of("value", value.orElseThrow());
    }

    @Override
    public Map<String, ?> image() {
        var content = List.of(
            ResponseInputContent.ofInputText(
                ResponseInputText.builder().text("What is this?").build()
            ),
            ResponseInputContent.ofInputImage(
                ResponseInputImage.builder()
                    .detail(ResponseInputImage.Detail.AUTO)
                    .imageUrl("data:image/png;base64," + Driver.IMAGE)
                    .build()
            )
        );
        var shown = user().contentOfResponseInputMessageContentList(content).build();
        var input = List.of(ResponseInputItem.ofEasyInputMessage(shown));
        return Map.of("text", textOf(answer(asking().inputOfResponse(input))));
    }

    @Override
    public Map<String, ?> reasoning() {
        var asking = asking()
            .reasoning(
                Reasoning.builder()
                    .effort(ReasoningEffort.MEDIUM)
                    .summary(Reasoning.Summary.AUTO)
                    .build()
            )
            .addInclude(ResponseIncludable.REASONING_ENCRYPTED_CONTENT);
        var answer = answer(asking);
        var again = answer(asking.inputOfResponse(after(answer, question())));
        return Map.of("thought", thoughtOf(answer), "text", textOf(again));
    }

    @Override
    public Map<String, ?> models() {
        return Map.of("models", OpenaiChat.modelsOf(client));
    }

    @Override
    public Stream<String> pieces() {
        return pieces(asking(), ResponseAccumulator.create());
    }

    private ResponseCreateParams.Builder asking() {
        return ResponseCreateParams.builder()
            .model(model)
            .instructions(Driver.BRIEF)
            .input(Driver.QUESTION)
            .store(false);
    }

    private static EasyInputMessage.Builder user() {
        return EasyInputMessage.builder().role(EasyInputMessage.Role.USER);
    }

    private static ResponseInputItem question() {
        return ResponseInputItem.ofEasyInputMessage(user().content(Driver.QUESTION).build());
    }

    /** The conversation so far, with what an answer holds as it came. */
    private static List<ResponseInputItem> after(Response answer, ResponseInputItem next) {
        var history = new ArrayList<>(List.of(question()));
        for (var item : answer.output()) {
            history.add(JsonValue.from(item).convert(ResponseInputItem.class));
        }
        history.add(next);
        return history;
    }

    private Response answer(ResponseCreateParams.Builder asking) {
        return client.responses().create(asking.build());
    }

    /** What is said, piece by piece. Everything else is gathered in `whole`. */
    private Stream<String> pieces(ResponseCreateParams.Builder asking, ResponseAccumulator whole) {
        var answer = client.responses().createStreaming(asking.build());
        return answer.stream()
            .peek(whole::accumulate)
            .flatMap(OpenaiResponses::saidIn)
            .onClose(answer::close);
    }

    private static Stream<String> saidIn(ResponseStreamEvent event) {
        event.failed().ifPresent(failed -> {
            throw new IllegalStateException(failed.response().error().orElseThrow().message());
        });
        return event.outputTextDelta().stream().map(piece -> piece.delta());
    }

    private static String textOf(Response answer) {
        return answer.output().stream()
            .flatMap(item -> item.message().stream())
            .flatMap(message -> message.content().stream())
            .flatMap(content -> content.outputText().stream())
            .map(said -> said.text())
            .collect(Collectors.joining());
    }

    private static String thoughtOf(Response answer) {
        return answer.output().stream()
            .flatMap(item -> item.reasoning().stream())
            .flatMap(thinking -> thinking.summary().stream())
            .map(part -> part.text())
            .collect(Collectors.joining());
    }

    private static List<Long> tokensOf(Response answer) {
        var usage = answer.usage().orElseThrow();
        return List.of(usage.inputTokens(), usage.outputTokens());
    }

    private static List<ResponseFunctionToolCall> functionsOf(Response answer) {
        return answer.output().stream().flatMap(item -> item.functionCall().stream()).toList();
    }

    private static List<?> callsOf(Response answer) {
        return functionsOf(answer).stream()
            .map(made -> Driver.call(made.name(), made.arguments()))
            .toList();
    }
}
