"""Who is told what when the data of a night are not fit: incidents, messages, channels."""
