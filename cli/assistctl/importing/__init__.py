"""How `assistctl import` turns existing assistants into the files of a workspace."""
