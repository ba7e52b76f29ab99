"""Stand in for providers: mockllm."""
