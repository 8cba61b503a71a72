"""Forms, made from columns and from the parameters of algorithms. They parse; the operations decide.

Column names can be any text, so fields are numbered and the names are their labels.
"""
