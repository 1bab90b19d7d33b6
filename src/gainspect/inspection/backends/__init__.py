"""Backends that run the network: ONNX Runtime, OpenVINO, or torch."""
