"""How often verdicts on rollouts are false, and how many outcomes they take, beside naive ways to decide."""
