"""Who does what with which object: poses, grips, contacts; writes `SceneTruth`."""
