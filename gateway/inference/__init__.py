"""The Open Inference Protocol, version 2: routes, tensors in JSON and in binary."""
