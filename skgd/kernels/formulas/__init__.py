"""The mathematics: activations, losses, update rules, elementary functions."""
