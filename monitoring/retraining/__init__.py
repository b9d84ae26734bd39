"""The closed loop: when the monitor asks for another model, and when it takes one back."""
