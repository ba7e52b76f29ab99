import com.anthropic.errors.AnthropicServiceException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.genai.errors.ApiException;
import com.openai.errors.OpenAIServiceException;
import dev.langchain4j.exception.HttpException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;

/** What every Java client does the same: hear which scenario to play, and tell what came of it. */
final class Driver {
    static final String IMAGE =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
    static final String QUESTION = "How is the weather?";
    static final String REPORT = "12 degrees";
    static final String BRIEF = "Be brief.";
    static final Duration PATIENCE = Duration.ofSeconds(20);

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Play scenarios by their name until nobody asks any more. */
    static void serve(Function<Asked, Scenarios> clients) throws IOException {
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line; (line = lines.readLine()) != null; ) {
            var heard = play(clients, JSON.readValue(line, Asked.class));
            out.println("@" + JSON.writeValueAsString(heard));
        }
    }

    private static Map<String, ?> play(Function<Asked, Scenarios> clients, Asked asked) {
        var scenario = Scenarios.BY_NAME.get(asked.scenario());
        if (scenario == null) {
            return Map.of("cannot", true);
        }
        try {
            return scenario.apply(clients.apply(asked));
        } catch (RuntimeException error) {
            return Map.of("error", described(error));
        }
    }

    private static Map<String, ?> described(RuntimeException error) {
        var told = new HashMap<String, Object>();
        told.put("name", nameOf(error));
        told.put("status", statusOf(error));
        told.put("message", error.getMessage());
        return told;
    }

    private static String nameOf(RuntimeException error) {
        return error.getClass().getSimpleName();
    }

    /** The status of HTTP behind an error, however the client names it. */
    private static Integer statusOf(Throwable error) {
        if (error instanceof OpenAIServiceException refusal) {
            return refusal.statusCode();
        }
        if (error instanceof AnthropicServiceException refusal) {
            return refusal.statusCode();
        }
        if (error instanceof ApiException refusal) {
            return refusal.code();
        }
        if (error instanceof HttpException refusal) {
            return refusal.statusCode();
        }
        return error.getCause() == null ? null : statusOf(error.getCause());
    }

    static <T> List<T> collect(Stream<T> pieces) {
        try (pieces) {
            return pieces.toList();
        }
    }

    /** A stream that breaks off: what came, and what was raised. */
    static Map<String, ?> untilCut(Stream<String> pieces) {
        var text = new StringBuilder();
        try (pieces) {
            pieces.forEach(text::append);
        } catch (RuntimeException error) {
            return Map.of("text", text, "raised", nameOf(error));
        }
        return Map.of("text", text);
    }

    /** The first piece, after which nobody listens any more. */
    static Map<String, ?> firstOf(Stream<String> pieces) {
        try (pieces) {
            return Map.of("text", pieces.findFirst().orElseThrow());
        }
    }

    /** A call as it is compared: its name and its arguments. */
    static List<?> call(String name, String arguments) {
        return List.of(name, value(arguments));
    }

    static Object value(String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException error) {
            throw new UncheckedIOException(error);
        }
    }
}
