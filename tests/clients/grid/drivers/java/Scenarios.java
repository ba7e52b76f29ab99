import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;

/** What a client does, scenario by scenario, and what it tells of each. */
interface Scenarios {
    Map<String, Function<Scenarios, Map<String, ?>>> BY_NAME = Map.ofEntries(
        Map.entry("whole", Scenarios::whole),
        Map.entry("streamed", Scenarios::streamed),
        Map.entry("tools", Scenarios::tools),
        Map.entry("parallel", Scenarios::parallel),
        Map.entry("result", Scenarios::result),
        Map.entry("structured", Scenarios::structured),
        Map.entry("image", Scenarios::image),
        Map.entry("reasoning", Scenarios::reasoning),
        Map.entry("refused", Scenarios::whole),
        Map.entry("cut", Scenarios::cut),
        Map.entry("cancelled", Scenarios::cancelled),
        Map.entry("models", Scenarios::models)
    );

    Map<String, ?> whole();

    Map<String, ?> streamed();

    Map<String, ?> tools();

    Map<String, ?> parallel();

    Map<String, ?> result();

    Map<String, ?> structured();

    Map<String, ?> image();

    Map<String, ?> reasoning();

    default Map<String, ?> cut() {
        return Driver.untilCut(pieces());
    }

    default Map<String, ?> cancelled() {
        return Driver.firstOf(pieces());
    }

    Map<String, ?> models();

    /** An answer as it comes. Whoever closes it leaves. */
    Stream<String> pieces();
}
