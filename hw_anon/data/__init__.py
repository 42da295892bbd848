"""Pictures of faces: where they come from, and the crop sets that every stage is compared on."""
