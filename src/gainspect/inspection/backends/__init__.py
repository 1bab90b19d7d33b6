"""What runs the network: ONNX Runtime, OpenVINO, or torch."""
