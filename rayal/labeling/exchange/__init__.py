"""Files that go to people and their tools, and come back with labels; a tool is one file here."""
