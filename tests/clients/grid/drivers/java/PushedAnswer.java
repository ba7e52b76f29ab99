import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** An answer that LangChain4j pushes, to be pulled. */
final class PushedAnswer implements StreamingChatResponseHandler {
    private final BlockingQueue<Optional<String>> pieces = new LinkedBlockingQueue<>();
    private final CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
    private volatile StreamingHandle handle;

    Stream<String> pieces() {
        return Stream.generate(this::next)
            .takeWhile(Optional::isPresent)
            .map(Optional::get)
            .onClose(this::leave);
    }

    ChatResponse whole() {
        return whole.orTimeout(Driver.PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    }

    @Override
    public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
        handle = context.streamingHandle();
        pieces.add(Optional.of(piece.text()));
    }

    @Override
    public void onCompleteResponse(ChatResponse answer) {
        whole.complete(answer);
        pieces.add(Optional.empty());
    }

    @Override
    public void onError(Throwable error) {
        whole.completeExceptionally(error);
        pieces.add(Optional.empty());
    }

    /** The next piece; none at the end. What went wrong is raised there. */
    private Optional<String> next() {
        try {
            var piece = pieces.poll(Driver.PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (piece == null || piece.isEmpty()) {
                whole();
                return Optional.empty();
            }
            return piece;
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    private void leave() {
        if (handle != null) {
            handle.cancel();
        }
    }
}
