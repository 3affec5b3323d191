//! End-to-end tests of CityTrack live in `tests/`: they start the built binaries and use them as people and nodes do.
