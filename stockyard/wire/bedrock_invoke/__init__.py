"""`bedrock.invoke`: Messages in AWS frames. `codec` ties the other files together."""
