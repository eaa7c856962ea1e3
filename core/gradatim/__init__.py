"""Gradatim: a progressive-delivery controller for Kubernetes."""
