"""`bedrock.invoke`: Messages in AWS frames. `codec` is the whole; the others are its parts."""
