import com.google.genai.Client;
import com.google.genai.types.Content;
import com.google.genai.types.FunctionCall;
import com.google.genai.types.FunctionDeclaration;
import com.google.genai.types.FunctionResponse;
import com.google.genai.types.GenerateContentConfig;
import com.google.genai.types.GenerateContentResponse;
import com.google.genai.types.HttpOptions;
import com.google.genai.types.HttpRetryOptions;
import com.google.genai.types.ListModelsConfig;
import com.google.genai.types.Part;
import com.google.genai.types.ThinkingConfig;
import com.google.genai.types.Tool;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The Google Gen AI library for Java. */
final class GoogleGenai implements Scenarios {
    private static final Map<String, ?> CITY = Map.of(
        "type", "object",
        "properties", Map.of("city", Map.of("type", "string")),
        "required", List.of("city"),
        "additionalProperties", false
    );
    private static final Tool WEATHER = Tool.builder()
        .functionDeclarations(
            FunctionDeclaration.builder().name("weather").parametersJsonSchema(CITY).build()
        )
        .build();

    private final Client client;
    private final String model;

    GoogleGenai(Asked asked) {
        var options = HttpOptions.builder()
            .baseUrl(asked.url())
            .retryOptions(HttpRetryOptions.builder().attempts(1))
            .timeout((int) Driver.PATIENCE.toMillis());
        client = Client.builder().apiKey(asked.key()).httpOptions(options.build()).build();
        model = asked.model();
    }

    @Override
    public Map<String, ?> whole() {
        var answer = answer(List.of(user(question())), config());
        return Map.of("text", answer.text(), "tokens", tokensOf(answer));
    }

    @Override
    public Map<String, ?> streamed() {
        var chunks = Driver.collect(chunks(config()));
        var pieces = pieces(chunks.stream()).toList();
        return Map.of("pieces", pieces, "tokens", tokensOf(chunks.get(chunks.size() - 1)));
    }

    @Override
    public Map<String, ?> tools() {
        var answer = answer(List.of(user(question())), config().tools(WEATHER));
        return Map.of("calls", callsOf(answer).toList());
    }

    @Override
    public Map<String, ?> parallel() {
        var calls = chunks(config().tools(WEATHER)).flatMap(GoogleGenai::callsOf);
        return Map.of("calls", Driver.collect(calls));
    }

    @Override
    public Map<String, ?> result() {
        var config = config().tools(WEATHER);
        var said = answer(List.of(user(question())), config);
        var made = said.functionCalls().get(0);
        var told = FunctionResponse.builder()
            .name(made.name().orElseThrow())
            .response(Map.of("output", Driver.REPORT));
        made.id().ifPresent(told::id);
        var next = Part.builder().functionResponse(told).build();
        return Map.of("text", answer(after(said, next), config).text());
    }

    @Override
    public Map<String, ?> structured() {
        var config = config().responseMimeType("application/json").responseJsonSchema(CITY);
        return Map.of("value", Driver.value(answer(List.of(user(question())), config).text()));
    }

    @Override
    public Map<String, ?> image() {
        var shown = Part.fromBytes(Base64.getDecoder().decode(Driver.IMAGE), "image/png");
        var asked = user(shown, Part.fromText("What is this?"));
        return Map.of("text", answer(List.of(asked), config()).text());
    }

    @Override
    public Map<String, ?> reasoning() {
        var thinking = ThinkingConfig.builder().includeThoughts(true).thinkingBudget(1024);
        var config = config().thinkingConfig(thinking);
        var said = answer(List.of(user(question())), config);
        var again = answer(after(said, question()), config);
        return Map.of("thought", thoughtOf(said), "text", again.text());
    }

    /** Each piece is handed out when the next has come: who leaves here has heard nothing. */
    @Override
    public Map<String, ?> cancelled() {
        pieces().close();
        return Collections.singletonMap("text", null);
    }

    @Override
    public Map<String, ?> models() {
        var listed = client.models.list(ListModelsConfig.builder().build());
        var names = new ArrayList<String>();
        listed.forEach(model -> names.add(model.name().orElseThrow()));
        return Map.of("models", names);
    }

    @Override
    public Stream<String> pieces() {
        return pieces(chunks(config()));
    }

    private static Stream<String> pieces(Stream<GenerateContentResponse> chunks) {
        return chunks.map(GenerateContentResponse::text)
            .filter(Objects::nonNull)
            .filter(piece -> !piece.isEmpty());
    }

    private static GenerateContentConfig.Builder config() {
        return GenerateContentConfig.builder()
            .systemInstruction(Content.fromParts(Part.fromText(Driver.BRIEF)));
    }

    private static Part question() {
        return Part.fromText(Driver.QUESTION);
    }

    private static Content user(Part... parts) {
        return Content.builder().role("user").parts(parts).build();
    }

    /** The conversation so far, with an answer as it came. */
    private static List<Content> after(GenerateContentResponse said, Part next) {
        return List.of(user(question()), contentOf(said), user(next));
    }

    private static Content contentOf(GenerateContentResponse answer) {
        return answer.candidates().orElseThrow().get(0).content().orElseThrow();
    }

    private GenerateContentResponse answer(
        List<Content> contents, GenerateContentConfig.Builder config
    ) {
        return client.models.generateContent(model, contents, config.build());
    }

    private Stream<GenerateContentResponse> chunks(GenerateContentConfig.Builder config) {
        var answer = client.models.generateContentStream(model, Driver.QUESTION, config.build());
        return StreamSupport.stream(answer.spliterator(), false).onClose(answer::close);
    }

    private static String thoughtOf(GenerateContentResponse answer) {
        return contentOf(answer).parts().orElseThrow().stream()
            .filter(part -> part.thought().orElse(false))
            .flatMap(part -> part.text().stream())
            .collect(Collectors.joining());
    }

    private static List<Integer> tokensOf(GenerateContentResponse answer) {
        var usage = answer.usageMetadata().orElseThrow();
        return List.of(
            usage.promptTokenCount().orElseThrow(), usage.candidatesTokenCount().orElseThrow()
        );
    }

    private static Stream<List<?>> callsOf(GenerateContentResponse answer) {
        return Objects.requireNonNullElse(answer.functionCalls(), List.<FunctionCall>of()).stream()
            .map(made -> List.of(made.name().orElseThrow(), made.args().orElseThrow()));
    }
}
