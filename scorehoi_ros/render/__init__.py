"""Software rendering on the CPU: z-buffer, shading, overlays."""
