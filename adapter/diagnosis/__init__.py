"""What a response says about its streaming: observation, symptoms, findings. Pure."""
