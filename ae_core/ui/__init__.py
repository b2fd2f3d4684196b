"""The page's parts. Everything that knows Streamlit lives here and in app.py."""
