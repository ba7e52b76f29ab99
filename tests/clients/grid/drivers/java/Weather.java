import com.fasterxml.jackson.annotation.JsonTypeName;

/** A form, and a tool's arguments. Libraries that make schemas of classes make them of this one. */
@JsonTypeName("weather")
record Weather(String city) {}
