"""The pages, split by noun. Each view starts from request.user, makes one call, and answers.

A page and its partial are the same template file: htmx gets the part it asked for, everybody else the page.
"""
