"""GAIN-MTL: backbone, classification with exact CAM, guided attention, localization, counterfactual."""
