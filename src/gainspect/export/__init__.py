"""From a trained run to a bundle that an inspecting box can trust."""
