/** Which scenario to play, and where. */
record Asked(String scenario, String url, String key, String model) {}
