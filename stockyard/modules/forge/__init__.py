"""What stands where a provider stands: mockllm."""
