"""Benchmarks of the compiler: each is a function that returns plain figures and a program that prints them."""
