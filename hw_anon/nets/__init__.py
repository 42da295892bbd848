"""The float networks of the paper and the differentiable geometry between them (section 4 of the paper).

One convention for every image that passes between modules: float32 RGB in 0..1, `[N, 3, H, W]`, byte value / 255. Each
network does its own further preprocessing inside `forward`. Points are pixel coordinates (x, y) with whole numbers at
pixel centres, as OpenCV and MTCNN give them; boxes are `hw_anon.core.boxes.Box`, or corners for the action detector.
"""
