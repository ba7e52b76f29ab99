import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.ReasoningEffort;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionContentPart;
import com.openai.models.chat.completions.ChatCompletionContentPartImage;
import com.openai.models.chat.completions.ChatCompletionContentPartText;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessage;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.models.Model;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The OpenAI library for Java: chat completions. */
final class OpenaiChat implements Scenarios {
    private final OpenAIClient client;
    private final String model;

    OpenaiChat(Asked asked) {
        client = clientOf(asked);
        model = asked.model();
    }

    static OpenAIClient clientOf(Asked asked) {
        return OpenAIOkHttpClient.builder()
            .baseUrl(asked.url() + "/v1")
            .apiKey(asked.key())
            .maxRetries(0)
            .timeout(Driver.PATIENCE)
            .build();
    }

    @Override
    public Map<String, ?> whole() {
        var answer = answer(asking());
        return Map.of("text", textOf(answer), "tokens", tokensOf(answer));
    }

    @Override
    public Map<String, ?> streamed() {
        var whole = ChatCompletionAccumulator.create();
        var usage = ChatCompletionStreamOptions.builder().includeUsage(true).build();
        var pieces = Driver.collect(pieces(asking().streamOptions(usage), whole));
        return Map.of("pieces", pieces, "tokens", tokensOf(whole.chatCompletion()));
    }

    @Override
    public Map<String, ?> tools() {
        return Map.of("calls", callsOf(answer(asking().addTool(Weather.class))));
    }

    @Override
    public Map<String, ?> parallel() {
        var whole = ChatCompletionAccumulator.create();
        Driver.collect(pieces(asking().addTool(Weather.class), whole));
        return Map.of("calls", callsOf(whole.chatCompletion()));
    }

    @Override
    public Map<String, ?> result() {
        var asking = asking().addTool(Weather.class);
        var said = messageOf(answer(asking));
        var told = ChatCompletionToolMessageParam.builder()
            .toolCallId(functionsOf(said).get(0).id())
            .content(Driver.REPORT)
            .build();
        return Map.of("text", textOf(answer(asking.addMessage(said).addMessage(told))));
    }

    @Override
    public Map<String, ?> structured() {
        var answer = client.chat().completions().create(
            asking().responseFormat(Weather.class).build()
        );
        return Map.of("value", answer.choices().get(0).message().content().orElseThrow());
    }

    @Override
    public Map<String, ?> image() {
        var shown = ChatCompletionContentPartImage.ImageUrl.builder()
            .url("data:image/png;base64," + Driver.IMAGE)
            .build();
        var parts = List.of(
            ChatCompletionContentPart.ofText(
                ChatCompletionContentPartText.builder().text("What is this?").build()
            ),
            ChatCompletionContentPart.ofImageUrl(
                ChatCompletionContentPartImage.builder().imageUrl(shown).build()
            )
        );
        return Map.of("text", textOf(answer(asking().addUserMessageOfArrayOfContentParts(parts))));
    }

    @Override
    public Map<String, ?> reasoning() {
        var asking = asking().reasoningEffort(ReasoningEffort.MEDIUM);
        var said = messageOf(answer(asking));
        var again = answer(asking.addMessage(said).addUserMessage(Driver.QUESTION));
        var thought = said._allProperties().get("reasoning_content");
        return Map.of("thought", thought.convert(String.class), "text", textOf(again));
    }

    @Override
    public Map<String, ?> models() {
        return Map.of("models", modelsOf(client));
    }

    static List<String> modelsOf(OpenAIClient client) {
        return client.models().list().autoPager().stream().map(Model::id).toList();
    }

    @Override
    public Stream<String> pieces() {
        return pieces(asking(), ChatCompletionAccumulator.create());
    }

    private ChatCompletionCreateParams.Builder asking() {
        return ChatCompletionCreateParams.builder()
            .model(model)
            .addSystemMessage(Driver.BRIEF)
            .addUserMessage(Driver.QUESTION);
    }

    private ChatCompletion answer(ChatCompletionCreateParams.Builder asking) {
        return client.chat().completions().create(asking.build());
    }

    /** What is said, piece by piece. Everything else is gathered in `whole`. */
    private Stream<String> pieces(
        ChatCompletionCreateParams.Builder asking, ChatCompletionAccumulator whole
    ) {
        var answer = client.chat().completions().createStreaming(asking.build());
        return answer.stream()
            .peek(whole::accumulate)
            .flatMap(OpenaiChat::saidIn)
            .filter(piece -> !piece.isEmpty())
            .onClose(answer::close);
    }

    private static Stream<String> saidIn(ChatCompletionChunk chunk) {
        return chunk.choices().stream().flatMap(choice -> choice.delta().content().stream());
    }

    private static ChatCompletionMessage messageOf(ChatCompletion answer) {
        return answer.choices().get(0).message();
    }

    private static String textOf(ChatCompletion answer) {
        return messageOf(answer).content().orElse("");
    }

    private static List<Long> tokensOf(ChatCompletion answer) {
        var usage = answer.usage().orElseThrow();
        return List.of(usage.promptTokens(), usage.completionTokens());
    }

    private static List<ChatCompletionMessageFunctionToolCall> functionsOf(
        ChatCompletionMessage message
    ) {
        return message.toolCalls().orElseThrow().stream().map(made -> made.asFunction()).toList();
    }

    private static List<?> callsOf(ChatCompletion answer) {
        return functionsOf(messageOf(answer)).stream()
            .map(made -> Driver.call(made.function().name(), made.function().arguments()))
            .toList();
    }
}
