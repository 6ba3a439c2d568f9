"""The person: networks, following, several people, a first place."""
